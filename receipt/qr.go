package receipt

import (
	"errors"
	"fmt"
	"strings"

	"rsc.io/qr"
	"rsc.io/qr/coding"
)

// mostModules is the edge of a code that a telephone reads from a panel of 7 inches at arm's length: version 13. What
// does not fit at level M gets level L, and what does not fit then a larger code.
const mostModules = 69

// QR makes the picture of a code. The digits of a link are a segment of their own, of three digits in ten bits.
func QR(code string) (*qr.Code, error) {
	segments := []coding.Encoding{coding.String(code)}
	if at := strings.LastIndexByte(code, '#'); at >= 0 && at+1 < len(code) &&
		strings.Trim(code[at+1:], "0123456789") == "" {
		segments = []coding.Encoding{coding.String(code[:at+1]), coding.Num(code[at+1:])}
	}
	level, v := coding.M, smallest(segments, coding.M)
	if edge(v) > mostModules {
		level, v = coding.L, smallest(segments, coding.L)
	}
	if v > coding.MaxVersion {
		return nil, errors.New("cannot make QR: the text is too long")
	}
	plan, err := coding.NewPlan(v, level, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make QR: %w", err)
	}
	c, err := plan.Encode(segments...)
	if err != nil {
		return nil, fmt.Errorf("cannot make QR: %w", err)
	}
	return &qr.Code{Bitmap: c.Bitmap, Size: c.Size, Stride: c.Stride, Scale: 8}, nil
}

func edge(v coding.Version) int { return 4*int(v) + 17 }

// smallest is the first version that has room for segments; one above the last where none has.
func smallest(segments []coding.Encoding, l coding.Level) coding.Version {
	v := coding.Version(coding.MinVersion)
	for ; v <= coding.MaxVersion; v++ {
		bits := 0
		for _, s := range segments {
			bits += s.Bits(v)
		}
		if bits <= v.DataBytes(l)*8 {
			break
		}
	}
	return v
}

// PNG is a code as a picture with its quiet zone.
func PNG(code string) ([]byte, error) {
	c, err := QR(code)
	if err != nil {
		return nil, err
	}
	return c.PNG(), nil
}
