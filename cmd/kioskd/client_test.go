package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestAGeneratedClient: a client whose types npm openapi-typescript generates from the API's document compiles, and
// plays a scenario with a real daemon.
func TestAGeneratedClient(t *testing.T) {
	t.Parallel() // it mostly waits
	from, err := filepath.Abs("../../api")
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(from, "client", "node_modules")
	if _, err := os.Stat(filepath.Join(tools, "openapi-typescript")); err != nil {
		t.Skipf("skipped: no generator of clients: %v; scripts/setup all installs it", err)
	}
	dir := t.TempDir()
	if err := os.Symlink(tools, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"scenario.ts", "package.json", "tsconfig.json"} {
		text, err := os.ReadFile(filepath.Join(from, "client", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, "node", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
		return string(out)
	}
	run("node_modules/openapi-typescript/bin/cli.js", filepath.Join(from, "openapi.yaml"), "-o", "schema.d.ts")
	run("node_modules/typescript/bin/tsc")
	listen := freeAddress(t)
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: "web: {listen: \"" + listen + "\"}\n"},
		simulator.Faults{})
	token, code := o.run("token make --by ops --scopes status,reports,control,money client")
	if code != 0 {
		t.Fatal(token)
	}
	ref := o.charge(ctx)
	if out, code := o.run("session stop " + ref); code != 0 {
		t.Fatal(out)
	}
	o.shows(ctx, func(v ui.View) bool { return v.Screen == ui.Final && v.Settled })
	opened(ctx, t, listen)
	out := run("built/scenario.js", "http://"+listen, strings.TrimSpace(token))
	if !strings.HasPrefix(out, ref+" ") || !strings.HasSuffix(out, "\nwell\n") {
		t.Errorf("%s", out)
	}
}
