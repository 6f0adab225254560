package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"samsyn/internal/care"
)

// After a write of which nobody knows whether it is on the disk nothing more is confirmed,
// also where the disk seems to be well again.
func TestAFailedWriteIsTheLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	random, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Create(path, "s1", random), random.Close()); err != nil {
		t.Fatal(err)
	}
	j, err := Open(path, "s1")
	if err != nil {
		t.Fatal(err)
	}
	well := j.file
	if j.file, err = os.Open(path); err != nil { // cannot be written to
		t.Fatal(err)
	}
	e := Entry{At: time.Unix(1, 0), Kind: RightEnded, Subject: "p", Payload: Payload{"kind": "consent", "person": "p1", "from": Moment(time.Unix(1, 0))}}
	if _, err := j.Append(e); err == nil {
		t.Fatal("written to a file that cannot be written to")
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	j.file = well
	if _, err := j.Append(e); !errors.Is(err, care.ErrUnavailable) {
		t.Errorf("error %v, want care.ErrUnavailable", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, "s1")
	if err != nil {
		t.Fatal(err)
	}
	if last, err := again.Append(e); err != nil || last.Seq != 1 {
		t.Errorf("opened anew: %+v %v", last, err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
