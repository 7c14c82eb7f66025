// Judges objects as Flux does: one JSON object on each line of standard input, one verdict on each line of standard output.
//
// `flux-judge judge` says how Flux finds each; with a further argument, the JSON of an entry of a Kustomization's healthCheckExprs,
// what this says too. `flux-judge decode` says whether each is an object of Flux's own.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// verdict is what Flux makes of one object.
type verdict struct {
	// Status is what `wait: true` and `healthChecks` go by.
	Status string `json:"status"`
	// Message is why.
	Message string `json:"message"`
	// Expressions is the status by healthCheckExprs, where there are any.
	Expressions string `json:"expressions,omitempty"`
	// Fail is what the conditions do wrong.
	Fail string `json:"fail"`
	// Warn is what they had better not do.
	Warn string `json:"warn"`
}

// conventions are the condition types that a LogDrain has.
var conventions = check.Conditions{NegativePolarity: []string{"Stalled", "Reconciling"}, PositivePolarity: []string{"Ready"}}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string, input io.Reader, output io.Writer) error {
	answer, err := answerer(arguments)
	if err != nil {
		return err
	}
	reader := bufio.NewReader(input)
	encoder := json.NewEncoder(output)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			said, err := answer(line)
			if err != nil {
				return err
			}
			if err := encoder.Encode(said); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answerer is what answers each line.
func answerer(arguments []string) (func(line []byte) (any, error), error) {
	switch {
	case len(arguments) == 1 && arguments[0] == "decode":
		return decoder()
	case len(arguments) == 0 || len(arguments) > 2 || arguments[0] != "judge":
		return nil, fmt.Errorf("judge or decode, not %q", arguments)
	}
	var evaluator *cel.StatusEvaluator
	if len(arguments) == 2 {
		var expressions kustomize.HealthCheckExpressions
		if err := json.Unmarshal([]byte(arguments[1]), &expressions); err != nil {
			return nil, fmt.Errorf("the expressions: %w", err)
		}
		var err error
		if evaluator, err = cel.NewStatusEvaluator(&expressions); err != nil {
			return nil, err
		}
	}
	return func(line []byte) (any, error) { return judge(line, evaluator) }, nil
}

func judge(line []byte, evaluator *cel.StatusEvaluator) (*verdict, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(line); err != nil {
		return nil, err
	}
	computed, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	said := &verdict{Status: computed.Status.String(), Message: computed.Message}
	if evaluator != nil {
		evaluated, err := evaluator.Evaluate(context.Background(), object)
		if err != nil {
			return nil, err
		}
		said.Expressions = evaluated.Status.String()
	}
	checker := check.NewChecker(nil, &conventions)
	checker.DisableFetch = true
	fail, warn := checker.Check(context.Background(), conditions.UnstructuredGetter(asWritten(object)))
	said.Fail, said.Warn = text(fail), text(warn)
	return said, nil
}

// asWritten is the object with the generation that its status speaks of: the conventions are about what a controller writes, and what
// people change afterwards is not its doing.
func asWritten(object *unstructured.Unstructured) *unstructured.Unstructured {
	object = object.DeepCopy()
	if observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration"); observed < object.GetGeneration() {
		object.SetGeneration(observed)
	}
	return object
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
