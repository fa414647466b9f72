package town

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"kioskd/simulator"
)

// lem is a bay's LEM DCBM, on a port of its own.
type lem struct {
	device *simulator.DCBM
	listen net.Listener
	server *http.Server
}

// openLEM opens the meter of a bay, the first being 0.
func (s *Town) openLEM(i int) error {
	device, err := simulator.NewDCBM(s.Bays[i])
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.signers[i] = device
	s.lems[i] = &lem{device, l, &http.Server{Handler: device, ReadHeaderTimeout: time.Minute}}
	return nil
}

// yaml is the meter in the configuration.
func (l *lem) yaml() string {
	return fmt.Sprintf("    meter: {address: \"http://%s\", model: %s, public_key: %q}\n", l.listen.Addr(),
		simulator.LEM, l.device.PublicKey())
}

func (l *lem) serve() error {
	if err := l.server.Serve(l.listen); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
