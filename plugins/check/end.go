package check

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func endCases() []experiment {
	return []experiment{
		{Case: Case{"Shutdown", "the process ends with status 0", nil}, try: shutdown},
		{Case: Case{"Shutdown, no session", "the process ends with status 0", nil}, try: shutdownAtOnce},
		{Case: Case{"Shutdown amid a call", "the process ends", []string{fnSleep}}, try: shutdownAmid},
		{Case: Case{"end of the session", "the process ends with status 0", nil}, try: endOfSession},
		{Case: Case{"end amid a call", "the process ends", []string{fnSleep}}, try: endAmid},
		{Case: Case{"lost connection", "the process ends", nil}, try: lostConnection},
	}
}

// shut asks the process to end.
func (p *process) shut(ctx context.Context) error {
	err := p.conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
	switch status.Code(err) {
	case codes.Unimplemented:
		return skip("does not serve plugin.GRPCController")
	case codes.OK, codes.Unavailable, codes.Canceled: // it may be faster than its answer
		return nil
	}
	return plainly(err)
}

// leaves waits for the process to end with status 0.
func (p *process) leaves(ctx context.Context) (string, error) {
	if err := p.gone(ctx); err != nil {
		return "", err
	}
	if p.cmd.ProcessState.ExitCode() != 0 {
		return "", fmt.Errorf("%s", p.how())
	}
	return p.how(), nil
}

func shutdown(ctx context.Context, k *kit) (string, error) {
	s, err := k.alone()
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	if err := s.settle(ctx); err != nil {
		return "", err
	}
	s.closeSend()
	if err := s.process.shut(ctx); err != nil {
		return "", err
	}
	return s.process.leaves(ctx)
}

func shutdownAtOnce(ctx context.Context, k *kit) (string, error) {
	p, err := k.connected()
	if err != nil {
		return "", err
	}
	defer p.kill()
	if err := p.shut(ctx); err != nil {
		return "", err
	}
	return p.leaves(ctx)
}

// amid opens a session in which a call runs.
func (k *kit) amid(ctx context.Context) (*session, error) {
	s, err := k.alone()
	if err != nil {
		return nil, err
	}
	if _, err := s.startSleep(ctx); err != nil {
		s.process.kill()
		return nil, err
	}
	return s, nil
}

func shutdownAmid(ctx context.Context, k *kit) (string, error) {
	s, err := k.amid(ctx)
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	if err := s.process.shut(ctx); err != nil {
		return "", err
	}
	return "it ended", s.process.gone(ctx)
}

func endOfSession(ctx context.Context, k *kit) (string, error) {
	s, err := k.alone()
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	if err := s.settle(ctx); err != nil {
		return "", err
	}
	s.closeSend()
	return s.process.leaves(ctx)
}

func endAmid(ctx context.Context, k *kit) (string, error) {
	s, err := k.amid(ctx)
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	s.closeSend()
	return "it ended", s.process.gone(ctx)
}

// lostConnection plays a host that was killed.
func lostConnection(ctx context.Context, k *kit) (string, error) {
	s, err := k.alone()
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	if err := s.settle(ctx); err != nil {
		return "", err
	}
	if err := s.process.conn.Close(); err != nil {
		return "", err
	}
	return "it ended", s.process.gone(ctx)
}
