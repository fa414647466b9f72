package kiosk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// tokenSeparator stands between a card's tokens of several keys.
const tokenSeparator = "."

// CardToken recognises a card by what identifies it: a keyed hash for each key, so that a card that
// was seen before a key was replaced is known after it. Empty without a key.
func CardToken(keys [][]byte, item []byte) string {
	var all []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(item)
		all = append(all, hex.EncodeToString(mac.Sum(nil)[:16]))
	}
	return strings.Join(all, tokenSeparator)
}

// CardTokens are the tokens of a card, one a key. No one is part of another.
func CardTokens(token string) []string {
	return slices.DeleteFunc(strings.Split(token, tokenSeparator), func(part string) bool { return part == "" })
}

// SameCard tells whether two tokens are of one card. An empty one is of no card.
func SameCard(a, b string) bool {
	theirs := CardTokens(b)
	return slices.ContainsFunc(CardTokens(a), func(one string) bool { return slices.Contains(theirs, one) })
}
