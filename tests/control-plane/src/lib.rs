//! A real etcd, kube-apiserver and kubectl for tests.
