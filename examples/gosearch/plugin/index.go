package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

type indexArgs struct {
	Packages   []string      `doc:"the names of the packages"`
	Vectors    []calyx.Value `doc:"their vectors, as .npy"`
	Neighbours int           `doc:"how many to keep of each"`
}

// neighbour is a package and how like another one it is: the cosine of the angle between their vectors.
type neighbour struct {
	name       string
	similarity float32
}

// index compares every vector with every other, and writes a line for each package and neighbour, tabs between.
func index(call *calyx.Call, a indexArgs) (calyx.Value, error) {
	vectors := make([]sparse, len(a.Vectors))
	for i, v := range a.Vectors {
		data, err := v.Bytes()
		if err != nil {
			return calyx.Value{}, err
		}
		dense, err := readNpy(data)
		if err != nil {
			return calyx.Value{}, fmt.Errorf("read the vector of %q: %w", a.Packages[i], err)
		}
		vectors[i] = newSparse(dense)
	}
	var text bytes.Buffer
	for i, name := range a.Packages {
		for _, n := range nearest(i, a, vectors) {
			fmt.Fprintf(&text, "%s\t%s\t%.4f\n", name, n.name, n.similarity)
		}
		call.Progress(float64(i+1), float64(len(a.Packages)), "packages")
	}
	return calyx.BytesResult(text.Bytes(), "text/plain; charset=utf-8"), nil
}

func nearest(i int, a indexArgs, vectors []sparse) []neighbour {
	dense := vectors[i].dense
	var all []neighbour
	for j, name := range a.Packages {
		if j != i {
			all = append(all, neighbour{name, vectors[j].dot(dense)})
		}
	}
	slices.SortFunc(all, func(x, y neighbour) int {
		return cmp.Or(cmp.Compare(y.similarity, x.similarity), cmp.Compare(x.name, y.name))
	})
	return all[:min(len(all), a.Neighbours)]
}

// sparse is a vector and the places where it is not 0, which are few.
type sparse struct {
	dense  []float32
	places []int32
}

func newSparse(dense []float32) sparse {
	s := sparse{dense: dense}
	for i, x := range dense {
		if x != 0 {
			s.places = append(s.places, int32(i))
		}
	}
	return s
}

func (s sparse) dot(v []float32) float32 {
	var sum float32
	for _, i := range s.places {
		sum += s.dense[i] * v[i]
	}
	return sum
}
