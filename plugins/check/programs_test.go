package check_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// sdkPlugin offers all conformance functions by the Go SDK.
func sdkPlugin() {
	p := calyx.NewPlugin("conformance", "1.0")
	calyx.Func(p, "calyx_check_echo", func(_ *calyx.Call, a struct{ Value calyx.Value }) (calyx.Value, error) { return a.Value, nil })
	calyx.Func(p, "calyx_check_add", func(_ *calyx.Call, a struct {
		A int
		B int `default:"2"`
	}) (int, error) {
		return a.A + a.B, nil
	})
	calyx.Func(p, "calyx_check_half", func(_ *calyx.Call, a struct{ Number int }) (float64, error) { return float64(a.Number) / 2, nil })
	calyx.Func(p, "calyx_check_need", needs)
	calyx.Func(p, "calyx_check_env", variable)
	calyx.Func(p, "calyx_check_sleep", sleep)
	calyx.Func(p, "calyx_check_fail", func(_ *calyx.Call, a struct{ Message string }) (calyx.None, error) {
		return calyx.None{}, errors.New(a.Message)
	})
	calyx.Func(p, "calyx_check_retry", func(_ *calyx.Call, a struct{ Seconds float64 }) (calyx.None, error) {
		return calyx.None{}, calyx.Retryable(errors.New("try again"), time.Duration(a.Seconds*float64(time.Second)))
	})
	calyx.Func(p, "calyx_check_tell", func(call *calyx.Call, a struct{ Text string }) (calyx.None, error) {
		call.Logf("%s", a.Text)
		call.Progress(1, 2, "steps")
		call.Metric("calyx_check", 0.5, "units")
		return calyx.None{}, nil
	})
	calyx.Func(p, "calyx_check_print", func(_ *calyx.Call, a struct{ Text string }) (calyx.None, error) {
		fmt.Print(a.Text)
		return calyx.None{}, nil
	})
	p.Serve()
}

func needs(call *calyx.Call, a struct {
	Values []any
	AtOnce int `default:"1"`
}) ([]any, error) {
	var got []any
	for len(a.Values) > 0 {
		var nodes []*calyx.Node
		for _, v := range a.Values[:min(a.AtOnce, len(a.Values))] {
			nodes = append(nodes, call.Node("calyx_check_echo", calyx.Args{"value": v}))
		}
		values, err := call.NeedAll(nodes...)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			plain, err := calyx.As[any](v)
			if err != nil {
				return nil, err
			}
			got = append(got, plain)
		}
		a.Values = a.Values[len(nodes):]
	}
	return got, nil
}

func variable(call *calyx.Call, a struct{ Name string }) (*string, error) {
	text, set, err := call.LookupEnv(a.Name)
	if err != nil || !set {
		return nil, err
	}
	return &text, nil
}

func sleep(call *calyx.Call, a struct{ Seconds float64 }) (calyx.None, error) {
	call.Progress(0, 1, "")
	select {
	case <-time.After(time.Duration(a.Seconds * float64(time.Second))):
		return calyx.None{}, nil
	case <-call.Done():
		return calyx.None{}, context.Cause(call)
	}
}
