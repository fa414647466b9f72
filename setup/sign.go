package setup

import (
	"context"
	"fmt"

	"go.yaml.in/yaml/v3"

	"kioskd/config"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// signing asks a person whether meters that can sign each sale shall, and shows the key to compare with the one on the
// meter.
func (w *wizard) signing(ctx context.Context, plans []plan) error {
	for i, b := range plans {
		if b.meterAt == "" {
			continue
		}
		m, err := model.Find(w.meterFolder(), b.meter.Model)
		if err != nil || !m.Signed() {
			continue // what cannot be found is said where it is written
		}
		key, fingerprint, err := keyOf(ctx, b, m)
		if err != nil {
			fmt.Fprintf(w.Out, "bay %d: its meter could sign each sale, and does not tell its key: %v\n", b.number, err)
			continue
		}
		fmt.Fprintf(w.Out, "bay %d: its meter can sign each sale. Its public key is\n  %s\n  (fingerprint %s)\n",
			b.number, key, fingerprint)
		yes, err := w.sure(ctx, "Is that the key on the meter, and shall nothing be sold there that it does not sign?",
			false)
		if err != nil {
			return err
		}
		if yes {
			plans[i].key = key
		}
	}
	return nil
}

// keyOf is the public key that a meter tells, as a configuration has it, and its fingerprint.
func keyOf(ctx context.Context, b plan, m *model.Model) (key, fingerprint string, err error) {
	bus, err := modbus.NewBus(b.meterAt)
	if err != nil {
		return "", "", err
	}
	defer bus.Close()
	signer, err := meter.Signer(bus, byte(b.meter.Unit), m)
	if err != nil {
		return "", "", err
	}
	k, err := signer.Key(ctx)
	if err != nil {
		return "", "", err
	}
	key, err = k.Hex()
	return key, k.Fingerprint(), err
}

// keepKey lets a bay that is written anew sell by the same key as before, where its meter is the same.
func keepKey(old *yaml.Node, b *plan) {
	before := config.Child(old, "meter")
	if before == nil || b.key != "" {
		return
	}
	serial, key := config.Child(before, "serial"), config.Child(before, "public_key")
	if serial != nil && key != nil && serial.Value == b.meter.Serial {
		b.key = key.Value
	}
}
