package main

import (
	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

// decoding is whether an object is one of Flux's.
type decoding struct {
	// Fault is what is wrong with it: a kind that Flux does not have, a field that this kind does not have, a value of another type.
	Fault string `json:"fault"`
}

// decoder reads objects into Flux's own types and refuses what it does not know of, where the controllers would pass over it.
func decoder() (func(line []byte) (any, error), error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{helm.AddToScheme, kustomize.AddToScheme, source.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	serializer := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Strict: true})
	return func(line []byte) (any, error) {
		_, _, err := serializer.Decode(line, nil, nil)
		return &decoding{Fault: text(err)}, nil
	}, nil
}
