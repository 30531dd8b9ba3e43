package snapshot

// list is a slice that grows without being copied: hundreds of thousands of large rows are added to it.
type list[T any] struct {
	pieces [][]T // all full but the last
	n      int
}

const pieceLen = 4096

func (l *list[T]) add(v T) {
	if l.n%pieceLen == 0 {
		var first []T
		if l.n > 0 { // a short list stays short
			first = make([]T, 0, pieceLen)
		}
		l.pieces = append(l.pieces, first)
	}
	last := len(l.pieces) - 1
	l.pieces[last] = append(l.pieces[last], v)
	l.n++
}

func (l *list[T]) at(i int) *T { return &l.pieces[i/pieceLen][i%pieceLen] }
