package config_test

import "testing"

// TestWhoIsTold: each fault of web hooks, mail and persons is told at its place.
func TestWhoIsTold(t *testing.T) {
	const hook, mail = "webhooks:\n- ", "mail: "
	const from = "from: a@b.example, to: [a@b.example]"
	for name, c := range map[string]struct {
		text  string
		words []string
	}{
		"no list":    {"webhooks: ¦x\n", []string{"want a list"}},
		"no name":    {hook + "¦{url: https://a.example/, secret: s}\n", []string{"name is missing"}},
		"a bad name": {hook + "{name: ¦mail, url: https://a.example/, secret: s}\n", []string{"not mail"}},
		"a name twice": {hook + "{name: a, url: https://a.example/, secret: s}\n" +
			"- {name: ¦a, url: https://a.example/, secret: s}\n", []string{"twice"}},
		"no TLS": {hook + "¦{name: a, url: http://a.example/, secret: s}\n", []string{"https://HOST/PATH"}},
		"a user": {hook + "¦{name: a, url: https://me@a.example/, secret: s}\n", []string{"https://HOST/PATH"}},
		"a type": {hook + "{name: a, url: https://a.example/, secret: s, types: [¦session.paid]}\n",
			[]string{"want some of"}},
		"no type":      {hook + "{name: a, url: https://a.example/, secret: s, types: ¦[]}\n", []string{"want a list"}},
		"no server":    {mail + "¦{" + from + "}\n", []string{"server is missing"}},
		"a bad port":   {mail + "{server: ¦a.example:99999, " + from + "}\n", []string{"smtp.example:587"}},
		"no address":   {mail + "{server: a.example, from: ¦kiosk, to: [a@b.example]}\n", []string{"want an address"}},
		"to no person": {mail + "{server: a.example, from: a@b.example, to: ¦[]}\n", []string{"want a list"}},
		"a user alone": {mail + "¦{server: a.example, " + from + ", user: u}\n", []string{"go together"}},
		"no TLS afar":  {mail + "¦{server: a.example, " + from + ", tls: none}\n", []string{"this computer alone"}},
		"a wrong way":  {mail + "{server: a.example, " + from + ", tls: ¦ssl}\n", []string{"want starttls"}},
		"a language":   {mail + "{server: a.example, " + from + ", language: ¦xx}\n", []string{"known are"}},
		"people":       {"web: {listen: 127.0.0.1:1, people: ¦x}\n", []string{"want a list"}},
		"a person": {"web: {listen: 127.0.0.1:1, people: [{name: ¦'', password: ¦x, scopes: [¦all]}]}\n",
			[]string{"want 1 to 40", "kioskd staff password", "want some of"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, least+c.text, c.words...) })
	}
	c := good(t, least+hook+"{name: a, url: 'http://10.0.0.1/', secret: s, private: true}\n"+
		mail+"{server: 'a.example:465', from: Kiosk <a@b.example>, to: [a@b.example]}\n")
	if c.Mail.TLS != "tls" || c.Mail.Port != 465 || len(c.Mail.Types) != 4 || !c.WebHooks[0].Private {
		t.Errorf("%+v %+v", c.Mail, c.WebHooks)
	}
}
