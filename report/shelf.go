package report

import (
	"context"
	"errors"
	"os"
	"time"
)

// freshFor is how long a book stands as it is: however often it is asked for, the journals are read once in it.
const freshFor = 2 * time.Second

// Shelf lends a book to one reader at a time, so that no number of them fills the memory, and brings it up to date
// before. Any goroutine may use it.
type Shelf struct {
	path string // of the rows, which may be removed at any time
	open func(context.Context) (*Book, error)
	one  chan struct{} // who has the book
	kept time.Time     // of its holder
}

// NewShelf makes a shelf for the book whose rows are in the file of a path.
func NewShelf(path string, open func(context.Context) (*Book, error)) *Shelf {
	return &Shelf{path: path, open: open, one: make(chan struct{}, 1)}
}

// Read lets f read the book.
func (s *Shelf) Read(ctx context.Context, f func(*Book) error) error {
	select {
	case s.one <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.one }()
	_, gone := os.Stat(s.path)
	book, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer book.Close() // its rows are computed again
	if time.Since(s.kept) >= freshFor || errors.Is(gone, os.ErrNotExist) {
		if err := book.KeepUp(ctx, nil); err != nil {
			return err
		}
		s.kept = time.Now()
	}
	return f(book)
}
