package workspace

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Hold makes ready what a step needs of the workspace: the paths of its inputs are locked for reading and those of its
// outputs for writing, all at once; the inputs hold what they should; the outputs' parent folders are there, and nothing
// at the outputs' paths. The function that it returns releases the locks. waits is called, from another goroutine, each time the locks
// are not had soon. Errors are as from Restore and Prepare.
func (w *Workspace) Hold(ctx context.Context, inputs, outs []Output, waits func()) (release func(), err error) {
	var wrong []Output // inputs that have to be written, and so locked for writing
	for {
		all := wants(pathsOf(inputs), slices.Concat(pathsOf(outs), pathsOf(wrong)))
		if err := w.acquire(ctx, all, waits); err != nil {
			return nil, err
		}
		release = sync.OnceFunc(func() { w.locks.release(all) })
		more, err := w.wrong(ctx, inputs, wrong)
		if err == nil && len(more) == 0 {
			err = w.makeReady(ctx, all, wrong, outs)
			if err == nil {
				return release, nil
			}
		}
		release()
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, more...)
	}
}

// wrong returns the inputs that do not hold what they should, beside those that are known to.
func (w *Workspace) wrong(ctx context.Context, inputs, known []Output) ([]Output, error) {
	states, err := w.LookAll(ctx, inputs)
	if err != nil {
		return nil, err
	}
	var more []Output
	for i, o := range inputs {
		isKnown := slices.ContainsFunc(known, func(k Output) bool { return k.Path == o.Path })
		if states[i] != Right && states[i] != Equal && !isKnown {
			more = append(more, o)
		}
	}
	return more, nil
}

// makeReady restores inputs under exclusive locks, which others may then share, and makes room for outputs.
func (w *Workspace) makeReady(ctx context.Context, all []want, wrong, outs []Output) error {
	if _, err := w.Restore(ctx, wrong...); err != nil {
		return err
	}
	for _, o := range wrong {
		at := offset(o.Path)
		i := slices.IndexFunc(all, func(x want) bool { return x.at == at })
		isOut := slices.ContainsFunc(outs, func(out Output) bool { return out.Path == o.Path })
		if isOut {
			continue
		}
		if err := w.locks.soften(&all[i]); err != nil {
			return err
		}
	}
	return w.Prepare(ctx, outs...)
}

// Prepare makes room for outputs that are about to be written: their parent folders are there afterwards, and nothing at
// their paths. What somebody edited is put aside for good; what calyx never wrote until Adopt or PutBack. The caller holds the
// locks.
func (w *Workspace) Prepare(ctx context.Context, outs ...Output) error {
	all, err := w.look(ctx, outs)
	if err != nil {
		return err
	}
	for i, o := range outs {
		err := w.clear(o, all[i].state)
		if errors.As(err, new(*ForeignError)) {
			err = w.setAside(o)
		}
		if err != nil {
			return errors.Join(err, w.PutBack(outs...))
		}
		if err := w.makeParent(o); err != nil {
			return err
		}
	}
	return w.journal.note(thisProcess, pathsOf(outs)...)
}
