package screens

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // hosts' pictures
	_ "image/png"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Image is a picture of the host's: a logo, or one beside the price.
type Image struct {
	file fyne.Resource
	size image.Point
}

// NewImage reads a PNG or JPEG file.
func NewImage(name string, data []byte) (*Image, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("cannot read picture %s: %w", name, err)
	}
	return &Image{fyne.NewStaticResource(name, data), image.Pt(c.Width, c.Height)}, nil
}

// aspect is width by height.
func (i *Image) aspect() float32 { return float32(i.size.X) / float32(max(1, i.size.Y)) }

func (i *Image) object() fyne.CanvasObject {
	img := canvas.NewImageFromResource(i.file)
	img.FillMode = canvas.ImageFillContain
	return img
}

// idlePicture is the host's picture beside the price, while no driver is there; nil for none.
func (pg *page) idlePicture() aside {
	img := pg.images(pg.v.Brand.Idle)
	if img == nil || pg.v.Access.Large {
		return nil
	}
	return shown{img}
}

// shown is a picture beside the blocks.
type shown struct{ *Image }

func (s shown) height(pg *page, _ float32) float32 { return pg.u(30) }

func (s shown) beside(pg *page) (float32, align) {
	b := pg.frame().body
	return min(b.w*0.45, b.h*s.aspect()), end
}

func (s shown) words(*page) []block { return nil }

func (s shown) place(pg *page, r rect) { pg.add(at(s.object(), r.x, r.y, r.w, r.h)) }
