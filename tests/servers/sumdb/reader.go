// Reads signed notes, and checks proofs over their trees, with golang.org/x/mod/sumdb and nothing of Withness.
//
// Each line of standard input is a question (JSON), each line of standard output its answer, "error" where it is refused.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Note    string      // a signed checkpoint
	Earlier string      // another one, whose tree that of Note must go on from
	Vkeys   []string    // the keys that are known
	Proof   []tlog.Hash // of consistency with Earlier, or of Record's inclusion
	Record  *string     // one record's bytes
	Index   int64       // and its place in the tree
	Records []string    // every record of the tree
}

type answer struct {
	Origin string `json:"origin,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Root   string `json:"root,omitempty"`
	Error  string `json:"error,omitempty"`
}

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

// open is the format of c2sp.org/tlog-checkpoint: three lines in a signed note.
func open(text string, known note.Verifiers) (*checkpoint, error) {
	opened, err := note.Open([]byte(text), known)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return nil, errors.New("no three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return nil, errors.New("no size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	return &checkpoint{lines[0], tlog.Tree{N: size, Hash: root}}, nil
}

func rootOf(records []string) (tlog.Hash, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for place, index := range indexes {
			found[place] = stored[index]
		}
		return found, nil
	})
	for number, record := range records {
		more, err := tlog.StoredHashes(int64(number), []byte(record), reader)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, more...)
	}
	return tlog.TreeHash(int64(len(records)), reader)
}

func ask(asked question) (*checkpoint, error) {
	var known []note.Verifier
	for _, vkey := range asked.Vkeys {
		one, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, one)
	}
	now, err := open(asked.Note, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	if asked.Earlier != "" {
		before, err := open(asked.Earlier, note.VerifierList(known...))
		if err != nil {
			return nil, err
		}
		err = tlog.CheckTree(asked.Proof, now.tree.N, now.tree.Hash, before.tree.N, before.tree.Hash)
		if err != nil {
			return nil, err
		}
	}
	if asked.Record != nil {
		leaf := tlog.RecordHash([]byte(*asked.Record))
		if err := tlog.CheckRecord(asked.Proof, now.tree.N, now.tree.Hash, asked.Index, leaf); err != nil {
			return nil, err
		}
	}
	if asked.Records != nil {
		root, err := rootOf(asked.Records)
		if err != nil {
			return nil, err
		}
		if root != now.tree.Hash || int64(len(asked.Records)) != now.tree.N {
			return nil, errors.New("the records have another root")
		}
	}
	return now, nil
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := in.Decode(&asked); err != nil {
			return
		}
		found, err := ask(asked)
		if err != nil {
			out.Encode(answer{Error: err.Error()})
			continue
		}
		out.Encode(answer{Origin: found.origin, Size: found.tree.N, Root: found.tree.Hash.String()})
	}
}
