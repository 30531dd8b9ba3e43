package local_test

import (
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/castest"
	"github.com/calyx-build/calyx/cas/local"
)

func TestOwned(t *testing.T) {
	castest.Suite{
		Open: func(t *testing.T, dir string, warn func(string)) cas.Store {
			s, err := local.Open(dir, warn)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Damage: local.Damage,
	}.Run(t)
}
