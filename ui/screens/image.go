package screens

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // hosts' pictures
	_ "image/png"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"golang.org/x/image/draw"
)

// Image is a picture of the host's: a logo, or one beside the price.
type Image struct{ pixels *image.RGBA }

// mostEdge is the longer edge of a picture as it is kept, in pixels: more no panel shows.
const mostEdge = 1280

// NewImage reads a PNG or JPEG file, once, and makes it as small as a panel shows it. It takes its time.
func NewImage(name string, data []byte) (*Image, error) {
	full, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("cannot read picture %s: %w", name, err)
	}
	size := full.Bounds().Size()
	if long := max(size.X, size.Y); long > mostEdge {
		size = image.Pt(max(1, size.X*mostEdge/long), max(1, size.Y*mostEdge/long))
	}
	small := image.NewRGBA(image.Rectangle{Max: size})
	draw.BiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	return &Image{small}, nil
}

// aspect is width by height.
func (i *Image) aspect() float32 {
	size := i.pixels.Bounds().Size()
	return float32(size.X) / float32(max(1, size.Y))
}

func (i *Image) object() fyne.CanvasObject {
	img := canvas.NewImageFromImage(i.pixels)
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
