package check

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/calyx-build/calyx/graph"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func describeCases() []experiment {
	return []experiment{
		{Case: Case{"describe", "sound names, defaults, codes, reads", nil}, gate: true, try: describes},
		{Case: Case{"describe, again", "the same answer, from another process too", nil}, try: describesAgain},
		{Case: Case{"describe, identity", "the same functions with identity and without", nil}, try: describesIdentity},
	}
}

func (p *process) describe(ctx context.Context, identity bool) (*pluginv1.DescribeResponse, error) {
	d, err := pluginv1.NewPluginClient(p.conn).Describe(ctx, &pluginv1.DescribeRequest{Identity: identity})
	if err != nil {
		return nil, plainly(err)
	}
	return d, sane(d)
}

// describes asks a process without a session.
func describes(ctx context.Context, k *kit) (string, error) {
	p, err := k.connected()
	if err != nil {
		return "", err
	}
	defer p.kill()
	d, err := p.describe(ctx, false)
	if err != nil {
		return "", err
	}
	k.functions, k.queues = map[string]*pluginv1.Function{}, d.GetQueues()
	for _, f := range d.GetFunctions() {
		k.functions[f.GetName()] = f
	}
	if _, err := p.describe(ctx, true); err != nil {
		return "", fmt.Errorf("with identity: %w", err)
	}
	return fmt.Sprintf("%q with %d functions", shorten(d.GetName(), 40), len(d.GetFunctions())), nil
}

func describesAgain(ctx context.Context, k *kit) (string, error) {
	p, err := k.process()
	if err != nil {
		return "", err
	}
	first, err := p.describe(ctx, true)
	if err != nil {
		return "", err
	}
	again, err := p.describe(ctx, true)
	if err != nil || !proto.Equal(first, again) {
		return "", errors.Join(errors.New("the second answer differs"), err)
	}
	fresh, err := k.connected()
	if err != nil {
		return "", err
	}
	defer fresh.kill()
	other, err := fresh.describe(ctx, true)
	if err != nil || !proto.Equal(first, other) {
		return "", errors.Join(errors.New("another process answers otherwise"), err)
	}
	return "the same", nil
}

func describesIdentity(ctx context.Context, k *kit) (string, error) {
	p, err := k.process()
	if err != nil {
		return "", err
	}
	plain, err := p.describe(ctx, false)
	if err != nil {
		return "", err
	}
	full, err := p.describe(ctx, true)
	if err != nil {
		return "", err
	}
	codes := 0
	for _, f := range full.GetFunctions() {
		if f.GetCode() != "" {
			codes++
		}
	}
	if !proto.Equal(signatures(plain), signatures(full)) {
		return "", errors.New("names, parameters or overlap differ")
	}
	return fmt.Sprintf("the same; %d of %d with a code, %d sources, %d reads", codes, len(full.GetFunctions()), len(full.GetSources()), len(full.GetReads())), nil
}

// signatures is the part of a description that must not depend on identity.
func signatures(d *pluginv1.DescribeResponse) *pluginv1.DescribeResponse {
	s := &pluginv1.DescribeResponse{Name: d.GetName()}
	for _, f := range d.GetFunctions() {
		s.Functions = append(s.Functions, &pluginv1.Function{Name: f.GetName(), Parameters: f.GetParameters(), Overlap: f.GetOverlap(), Batch: f.GetBatch()})
	}
	return s
}

// longestCode is the length of a code identity in bytes.
const longestCode = 256

// sane tells what is wrong with a description.
func sane(d *pluginv1.DescribeResponse) error {
	known := map[string]bool{}
	for _, f := range d.GetFunctions() {
		if err := saneName(f.GetName(), known); err != nil {
			return fmt.Errorf("function %w", err)
		}
		if err := saneFunction(f, len(d.GetParts())); err != nil {
			return fmt.Errorf("function %q: %w", f.GetName(), err)
		}
	}
	for _, s := range d.GetStored() {
		if err := saneName(s.GetName(), known); err != nil {
			return fmt.Errorf("stored input %w", err)
		}
		if s.GetSource() == nil {
			return fmt.Errorf("stored input %q comes from nowhere", s.GetName())
		}
	}
	if err := saneParts(d.GetParts()); err != nil {
		return err
	}
	return requests(d.GetReads())
}

// saneName notes a name, and tells what is wrong with it.
func saneName(name string, known map[string]bool) error {
	switch {
	case !graph.ValidName(name):
		return fmt.Errorf("%q: that is no name", name)
	case known[name]:
		return fmt.Errorf("%q: it is there twice", name)
	}
	known[name] = true
	return nil
}

func saneFunction(f *pluginv1.Function, parts int) error {
	if len(f.GetCode()) > longestCode {
		return fmt.Errorf("its code is longer than %d bytes", longestCode)
	}
	known := map[string]bool{}
	for _, p := range f.GetParameters() {
		if err := saneName(p.GetName(), known); err != nil {
			return fmt.Errorf("parameter %w", err)
		}
		if p.GetDefault() != nil {
			if err := literal(p.GetDefault(), 0); err != nil {
				return fmt.Errorf("the default of %q: %w", p.GetName(), err)
			}
		}
	}
	for _, part := range f.GetParts() {
		if int(part) >= parts {
			return fmt.Errorf("it has the part %d, and there are %d", part, parts)
		}
	}
	return nil
}

func saneParts(parts []*pluginv1.Part) error {
	known := map[string]bool{}
	for _, p := range parts {
		switch {
		case known[p.GetName()]:
			return fmt.Errorf("the part %q is there twice", p.GetName())
		case p.GetCode() == "" || len(p.GetCode()) > longestCode:
			return fmt.Errorf("the part %q has no code of at most %d bytes", p.GetName(), longestCode)
		}
		known[p.GetName()] = true
	}
	return nil
}
