// Command sbom VERSION LICENCES PROGRAM… lists what is linked into programs, as a CycloneDX document on standard
// output, and writes the licences of all of it into the file LICENCES. Its judge of what is linked is the programs
// themselves (debug/buildinfo). The same programs give the same bytes.
package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "sbom: want VERSION, a file for the licences, and programs")
		os.Exit(2)
	}
	if err := run(os.Args[2], os.Args[1], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// module is a linked module, and where its sources lie.
type module struct {
	*debug.Module
	dir string
}

func run(licences, version string, programs []string) error {
	modules, toolchain, err := linked(programs)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = ""
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{
		BOMRef: "kioskd", Type: cdx.ComponentTypeApplication, Name: "kioskd", Version: version,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
	}}
	components := []cdx.Component{{
		BOMRef: "go", Type: cdx.ComponentTypePlatform, Name: "go", Version: strings.TrimPrefix(toolchain, "go"),
		PackageURL: "pkg:golang/std@" + strings.TrimPrefix(toolchain, "go"),
	}}
	var texts bytes.Buffer
	for _, m := range modules {
		ref := "pkg:golang/" + m.Path + "@" + m.Version
		c := cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			PackageURL: ref}
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == 32 {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
		}
		components = append(components, c)
		if m.Path == "github.com/mattn/go-sqlite3" {
			own, err := sqlite(m.dir)
			if err != nil {
				return err
			}
			components = append(components, own)
		}
		if err := licence(&texts, m); err != nil {
			return err
		}
	}
	bom.Components = &components
	if err := os.WriteFile(licences, append([]byte(ours), texts.Bytes()...), 0o644); err != nil {
		return err
	}
	return cdx.NewBOMEncoder(os.Stdout, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}

const ours = `kioskd is licensed under the Apache License, Version 2.0:
/usr/share/common-licenses/Apache-2.0 has its text. Sources: those of the
package kioskd.

The programs have fonts in them: Noto Sans, Noto Sans Arabic and Noto Sans CJK,
Copyright 2014-2022 The Noto Project Authors, under the SIL Open Font License
1.1, and these modules:
`

// linked are the modules of programs, by path.
func linked(programs []string) (all []module, toolchain string, err error) {
	seen := map[string]bool{}
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p)
		if err != nil {
			return nil, "", fmt.Errorf("cannot tell what is linked: %w", err)
		}
		toolchain = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			if seen[m.Path] {
				continue
			}
			seen[m.Path] = true
			dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m.Path).Output()
			if err != nil {
				return nil, "", fmt.Errorf("cannot find the sources of %s: %w", m.Path, err)
			}
			all = append(all, module{m, strings.TrimSpace(string(dir))})
		}
	}
	slices.SortFunc(all, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return all, toolchain, nil
}

var sqliteVersion = regexp.MustCompile(`#define SQLITE_VERSION\s+"([0-9.]+)"`)

// sqlite is the C library inside of its Go module: advisories name it, not the module.
func sqlite(dir string) (cdx.Component, error) {
	header, err := os.ReadFile(filepath.Join(dir, "sqlite3-binding.h"))
	if err != nil {
		return cdx.Component{}, err
	}
	v := sqliteVersion.FindSubmatch(header)
	if v == nil {
		return cdx.Component{}, errors.New("cannot find SQLite's version")
	}
	ref := "pkg:generic/sqlite@" + string(v[1])
	return cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: "sqlite", Version: string(v[1]),
		PackageURL: ref, CPE: "cpe:2.3:a:sqlite:sqlite:" + string(v[1]) + ":*:*:*:*:*:*:*"}, nil
}

// licence appends a module's own words; of the Apache License, which Debian has, only those
// that say whose it is.
func licence(to *bytes.Buffer, m module) error {
	var names []string
	for _, pattern := range []string{"LICEN[CS]E*", "LICEN[CS]ES/*", "COPYING*", "NOTICE*",
		"AUTHORS*"} { // in a folder as REUSE has them, too
		found, err := filepath.Glob(filepath.Join(m.dir, pattern))
		if err != nil {
			return err
		}
		names = append(names, found...)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.IsDir()
	})
	if len(names) == 0 {
		return fmt.Errorf("%s has no licence", m.Path)
	}
	fmt.Fprintf(to, "\n%s\n%s %s\n\n", strings.Repeat("-", 76), m.Path, m.Version)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("Apache License")) &&
			bytes.Contains(text, []byte("TERMS AND CONDITIONS FOR USE")) {
			text = []byte("Licensed under the Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0\n")
		}
		to.Write(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r"), nil)))
		to.WriteString("\n\n")
	}
	return nil
}
