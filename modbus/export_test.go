package modbus

import (
	"context"
	"io"
)

// OpenWith lets a test open a bus's line.
func OpenWith(b *Bus, open func(context.Context) (io.ReadWriteCloser, error)) { b.open = open }
