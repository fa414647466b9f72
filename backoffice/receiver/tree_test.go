package receiver_test

import "crypto/sha256"

// tree is the head of a tree of lines by the letter of RFC 6962, chapter 2.1: the judge of the
// receiver's way to compute it.
func tree(lines []string) [32]byte {
	switch len(lines) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, lines[0]...))
	}
	k := 1
	for k*2 < len(lines) {
		k *= 2
	}
	left, right := tree(lines[:k]), tree(lines[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}
