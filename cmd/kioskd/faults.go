package main

import (
	"context"

	"github.com/spf13/pflag"

	"kioskd"
	"kioskd/cli"
	"kioskd/ui/text"
)

// faultTexts are what a fault is called, and what it means to each.
type faultTexts struct {
	Title      string `json:"title"`
	Driver     string `json:"driver"`
	Host       string `json:"host"`
	Technician string `json:"technician"`
}

// faultRow is a fault as a helpdesk or a back office needs it.
type faultRow struct {
	Code     kiosk.FaultCode       `json:"fault"`
	Severity kiosk.Severity        `json:"severity"`
	Acts     kiosk.Actor           `json:"acts"`
	Texts    map[string]faultTexts `json:"texts"` // by language
}

// faultTable lists every fault that can be raised, with its texts: as JSON in all languages, else in one.
func (p program) faultTable(fs *pflag.FlagSet) cli.Run {
	lang := fs.String("language", "en", "`language` of a table or csv")
	format := cli.FormatFlag(fs)
	return func(context.Context, []string) error {
		texts, err := text.Load()
		if err != nil {
			return err
		}
		printer, err := texts.In(*lang)
		if err != nil {
			return cli.Usagef("faults: %w", err)
		}
		var rows [][]any
		for _, f := range kiosk.Faults() {
			if *format == "json" {
				if err := p.JSON(faultOf(f, texts)); err != nil {
					return err
				}
				continue
			}
			rows = append(rows, []any{f.Code, f.Severity, f.Acts, printer.T(f.Code.TextKey("title")),
				printer.T(f.Code.TextKey("technician"))})
		}
		if *format == "json" {
			return nil
		}
		return p.Table(*format, []string{"fault", "severity", "acts", "title", "technician"}, rows)
	}
}

// faultOf is a fault with its texts in all languages.
func faultOf(f kiosk.Fault, texts *text.Catalogues) faultRow {
	out := faultRow{f.Code, f.Severity, f.Acts, map[string]faultTexts{}}
	for _, lang := range texts.Languages() {
		t := func(part string) string { return texts.Raw(lang, f.Code.TextKey(part)) }
		out.Texts[lang] = faultTexts{t("title"), t("driver"), t("host"), t("technician")}
	}
	return out
}
