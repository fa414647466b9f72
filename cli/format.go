package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
)

// JSON prints a value as one line of JSON.
func (p Program) JSON(v any) error { return json.NewEncoder(p.Out).Encode(v) }

// FormatFlag is the flag that Table takes.
func FormatFlag(fs *pflag.FlagSet) *string { return FormatFlagOf(fs, "table") }

// FormatFlagOf is the flag that Table and Record take, with what it is without.
func FormatFlagOf(fs *pflag.FlagSet, usual string) *string {
	return fs.String("format", usual, "`form` of what is printed: table, json or csv")
}

// Table prints a listing as table, json (an object a line) or csv. In JSON a number is a number.
func (p Program) Table(format string, header []string, rows [][]any) error {
	switch format {
	case "table":
		w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, strings.ToUpper(strings.Join(header, "\t")))
		for _, r := range rows {
			fmt.Fprintln(w, strings.Join(texts(r), "\t"))
		}
		return w.Flush()
	case "csv":
		w := csv.NewWriter(p.Out)
		if err := w.Write(header); err != nil {
			return err
		}
		for _, r := range rows {
			if err := w.Write(texts(r)); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	case "json":
		for _, r := range rows {
			o := map[string]any{}
			for i, h := range header {
				o[strings.ReplaceAll(h, " ", "_")] = r[i]
			}
			if err := p.JSON(o); err != nil {
				return err
			}
		}
		return nil
	}
	return Usagef("format %q: want table, json or csv", format)
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// Record prints a struct: as JSON with its own keys, as a table of keys and values, or as csv with the keys as header.
// In a table and in csv the key of an object within is before its own, with a point.
func (p Program) Record(format string, v any) error {
	if format == "json" {
		return p.JSON(v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	keys, values, err := flat("", text)
	if err != nil {
		return err
	}
	if format != "table" {
		return p.Table(format, keys, [][]any{values})
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	for i, k := range keys {
		fmt.Fprintf(w, "%s\t%v\n", k, values[i])
	}
	return w.Flush()
}

// flat lists the keys of a JSON object, in its order, and their values.
func flat(before string, object []byte) (keys []string, values []any, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if _, err := d.Token(); err != nil { // what opens it
		return nil, nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		name := before + fmt.Sprint(key)
		if bytes.HasPrefix(value, []byte("{")) {
			more, all, err := flat(name+".", value)
			if err != nil {
				return nil, nil, err
			}
			keys, values = append(keys, more...), append(values, all...)
			continue
		}
		var text string
		if json.Unmarshal(value, &text) != nil { // a number, a list, true or null: as it is
			text = string(value)
		}
		keys, values = append(keys, name), append(values, text)
	}
	return keys, values, nil
}
