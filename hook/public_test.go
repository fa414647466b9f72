package hook

import "testing"

// TestPublic: IANA's registries of special-purpose addresses, and addresses that carry a private one in them.
func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.215.14:443": true, "[2606:4700::6810:84e5]:443": true,
		"0.1.2.3:443": false, "10.0.0.1:443": false, "100.64.0.1:443": false, "127.0.0.1:443": false,
		"169.254.1.1:443": false, "172.16.0.1:443": false, "192.0.0.8:443": false, "192.168.0.1:443": false,
		"198.18.0.1:443": false, "224.0.0.1:443": false, "240.0.0.1:443": false, "255.255.255.255:443": false,
		"[::]:443": false, "[::1]:443": false, "[::127.0.0.1]:443": false, "[::ffff:10.0.0.1]:443": false,
		"[64:ff9b::10.0.0.1]:443": false, "[64:ff9b:1::1]:443": false, "[100::1]:443": false,
		"[2001::1]:443": false, "[2002:a00:1::1]:443": false, "[fc00::1]:443": false, "[fe80::1]:443": false,
		"[fec0::1]:443": false, "[ff02::1]:443": false,
	} {
		if err := public(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}
