// SPDX-License-Identifier: Apache-2.0
//
// tlog tree <PROOFS            what mkproofs prints, by Go's checksum database packages
// tlog proof VKEY WITNESS FILE LINE
//
//	a tlog-proof of a line (a file without its LF), whose checkpoint is
//	signed by VKEY and, unless WITNESS is "-", cosigned by WITNESS
//
// tlog tiles VKEY WITNESS DIR  a tlog-tiles log: its checkpoint, all its tiles and entries
//
// A third opinion: golang.org/x/mod/sumdb/note and tlog check all signatures, roots and proofs.
// Exit: 0 good, 4 not.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func need(ok bool, format string, args ...interface{}) {
	if !ok {
		fmt.Printf("bad: "+format+"\n", args...)
		os.Exit(4)
	}
}

func must(err error, what string) {
	need(err == nil, "%s: %v", what, err)
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	must(err, s)
	return n
}

func hash(s string) (h tlog.Hash) {
	b, err := base64.StdEncoding.DecodeString(s)
	must(err, s)
	need(len(b) == len(h), "%s: no hash", s)
	copy(h[:], b)
	return h
}

func hashes(words []string) []tlog.Hash {
	list := make([]tlog.Hash, 0, len(words))
	for _, w := range words {
		list = append(list, hash(w))
	}
	return list
}

// ---- trees ----

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		list[i] = s[x]
	}
	return list, nil
}

// The tree of mkproofs, made by tlog; it grows as it is asked for.
type tree struct {
	s stored
	n int64
}

func (t *tree) root(size int64) tlog.Hash {
	for ; t.n < size; t.n++ {
		more, err := tlog.StoredHashes(t.n, []byte(fmt.Sprintf("leaf %d", t.n)), t.s)
		must(err, "stored hashes")
		t.s = append(t.s, more...)
	}
	h, err := tlog.TreeHash(size, t.s)
	must(err, "tree hash")
	return h
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func checkTree() {
	var t tree
	count := map[string]int{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		w := strings.Split(in.Text(), " ")
		count[w[0]]++
		if w[0] == "root" {
			need(hash(w[2]) == t.root(number(w[1])), "%s", in.Text())
			continue
		}
		a, size, proof := number(w[1]), number(w[2]), hashes(w[3:])
		root := t.root(size)
		if w[0] == "in" {
			leaf := tlog.RecordHash([]byte(fmt.Sprintf("leaf %d", a)))
			must(tlog.CheckRecord(proof, size, root, a, leaf), in.Text())
			theirs, err := tlog.ProveRecord(size, a, t.s)
			must(err, in.Text())
			need(same(theirs, proof), "another proof: %s", in.Text())
			continue
		}
		must(tlog.CheckTree(proof, size, root, a, t.root(a)), in.Text())
		theirs, err := tlog.ProveTree(size, a, t.s)
		must(err, in.Text())
		need(same(theirs, proof), "another proof: %s", in.Text())
	}
	must(in.Err(), "reading")
	fmt.Printf("good: %d roots, %d inclusion and %d consistency proofs\n",
		count["root"], count["in"], count["con"])
}

// ---- notes ----

// A C2SP cosigner, which package note does not know of itself.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func newCosigner(vkey string) cosigner {
	part := strings.SplitN(vkey, "+", 3)
	need(len(part) == 3, "%s: no vkey", vkey)
	key, err := base64.StdEncoding.DecodeString(part[2])
	must(err, vkey)
	need(len(key) == 33 && key[0] == 4, "%s: no cosigner's key", vkey)
	sum := sha256.Sum256(append([]byte(part[0]+"\n"), key...))
	need(hex.EncodeToString(sum[:4]) == part[1], "%s: another key id", vkey)
	return cosigner{part[0], binary.BigEndian.Uint32(sum[:]), key[1:]}
}

func openCheckpoint(msg []byte, vkey, witness string) tlog.Tree {
	v, err := note.NewVerifier(vkey)
	must(err, vkey)
	verifiers, want := []note.Verifier{v}, 1
	if witness != "-" {
		verifiers, want = append(verifiers, newCosigner(witness)), 2
	}
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	must(err, "checkpoint")
	need(len(n.Sigs) == want, "%d of %d signatures", len(n.Sigs), want)
	line := strings.Split(n.Text, "\n")
	need(len(line) == 4 && line[0] == v.Name() && line[3] == "", "the checkpoint's text")
	return tlog.Tree{N: number(line[1]), Hash: hash(line[2])}
}

func read(file string) []byte {
	b, err := os.ReadFile(file)
	must(err, file)
	return b
}

func checkProof(vkey, witness, file, line string) {
	b := read(file)
	cut := bytes.Index(b, []byte("\n\n"))
	need(cut > 0, "%s: no proof", file)
	head := strings.Split(string(b[:cut]), "\n")
	need(head[0] == "c2sp.org/tlog-proof@v1" && strings.HasPrefix(head[1], "index "), "%s", file)
	t := openCheckpoint(b[cut+2:], vkey, witness)
	must(tlog.CheckRecord(hashes(head[2:]), t.N, t.Hash, number(head[1][6:]),
		tlog.RecordHash(read(line))), file)
	fmt.Printf("good: %s of %d\n", head[1], t.N)
}

// ---- tiles ----

// A directory of tiles as C2SP tlog-tiles names them.
type dir string

func name(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

func (d dir) read(level string, n int64, width int) []byte {
	path := filepath.Join(string(d), "tile", level, name(n))
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return read(path)
}

func (d dir) Height() int                            { return 8 }
func (d dir) SaveTiles(t []tlog.Tile, data [][]byte) {}
func (d dir) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		data = append(data, d.read(strconv.Itoa(t.L), t.N, t.W))
	}
	return data, nil
}

func checkTiles(vkey, witness, path string) {
	d := dir(path)
	t := openCheckpoint(read(filepath.Join(path, "checkpoint")), vkey, witness)
	hr := tlog.TileHashReader(t, d)
	for n := int64(0); n < t.N; n += 256 {
		width := 256
		if t.N-n < 256 {
			width = int(t.N - n)
		}
		index := make([]int64, width)
		for i := range index {
			index[i] = tlog.StoredHashIndex(0, n+int64(i))
		}
		leaves, err := hr.ReadHashes(index)
		must(err, "tiles")
		b := d.read("entries", n/256, width)
		for i, leaf := range leaves {
			need(len(b) >= 2 && len(b) >= 2+int(binary.BigEndian.Uint16(b)), "entries %d", n/256)
			size := int(binary.BigEndian.Uint16(b))
			need(tlog.RecordHash(b[2:2+size]) == leaf, "entry %d is not what its tile says",
				n+int64(i))
			b = b[2+size:]
		}
		need(len(b) == 0, "entries %d: more than there are", n/256)
	}
	fmt.Printf("good: %d entries\n", t.N)
}

func main() {
	arg := os.Args[1:]
	switch {
	case len(arg) == 1 && arg[0] == "tree":
		checkTree()
	case len(arg) == 5 && arg[0] == "proof":
		checkProof(arg[1], arg[2], arg[3], arg[4])
	case len(arg) == 4 && arg[0] == "tiles":
		checkTiles(arg[1], arg[2], arg[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: tlog tree | proof VKEY WITNESS FILE LINE | tiles VKEY WITNESS DIR")
		os.Exit(2)
	}
}
