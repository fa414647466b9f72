package store_test

import (
	"testing"

	"github.com/mattn/go-sqlite3"
)

// leastSQLite is the first version whose reset of the write-ahead log cannot corrupt a journal
// (sqlite.org/wal.html, "The WAL-Reset Bug": 3.7.0 up to 3.51.2).
const leastSQLite = 3_051_003

func TestSQLiteIsNotOneThatCorrupts(t *testing.T) {
	if text, number, _ := sqlite3.Version(); number < leastSQLite {
		t.Errorf("SQLite %s corrupts a journal whose log is reset by two connections: want 3.51.3 or later", text)
	}
}
