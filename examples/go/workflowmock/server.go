package workflowmock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const oldest = "0.1.0" // the first release of the server that has all that is called here
const noServer = "there is no workflow-mock: set WORKFLOW_MOCK_URL to the address of one that runs; or install it anywhere" +
	" on PATH (pipx install workflow-mock); or say in WORKFLOW_MOCK_COMMAND how to run it (uvx workflow-mock)"

// server gives the address of the server, which is one for all tests of a package.
var server = sync.OnceValues(func() (url string, err error) {
	if url = strings.TrimRight(os.Getenv("WORKFLOW_MOCK_URL"), "/"); url == "" {
		if url, err = start(); err != nil {
			return "", err
		}
	}
	var health struct{ Version string }
	if err := send("GET", url+"/__admin/health", nil, &health); err != nil {
		return "", fmt.Errorf("no workflow-mock answers at WORKFLOW_MOCK_URL, %s: %w", url, err)
	}
	if slices.Compare(numbers(health.Version), numbers(oldest)) < 0 {
		return "", fmt.Errorf("these tests need workflow-mock %s or newer; at %s is %q", oldest, url, health.Version)
	}
	return url, nil
})

// start runs a server on a free port. It ends with this process, killed or not, as its input is closed then.
func start() (string, error) {
	folder, err := os.MkdirTemp("", "workflow-mock-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	ready, command := filepath.Join(folder, "ready.json"), cmp.Or(os.Getenv("WORKFLOW_MOCK_COMMAND"), "workflow-mock")
	words := strings.Fields(command + " serve --port 0 --until-stdin-closes --log-level warning --ready-file")
	child, log := exec.Command(words[0], append(words[1:], ready)...), &bytes.Buffer{}
	child.Stdout, child.Stderr, child.WaitDelay = log, log, 5*time.Second
	// Settings of the environment are meant for another server than this one.
	child.Env = slices.DeleteFunc(os.Environ(), func(name string) bool { return strings.HasPrefix(name, "WORKFLOW_MOCK_") })
	if _, err := child.StdinPipe(); err != nil {
		return "", err
	}
	if err := child.Start(); err != nil {
		return "", fmt.Errorf("%s: %w", noServer, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for late := time.After(30 * time.Second); ; {
		if written, err := os.ReadFile(ready); err == nil {
			var server struct{ URL string }
			err := json.Unmarshal(written, &server)
			return server.URL, err
		}
		select {
		case <-ended:
			return "", fmt.Errorf("%s has ended:\n%s", child, log)
		case <-late:
			child.Process.Kill()
			return "", fmt.Errorf("%s was not ready within 30 s: %w\n%s", child, <-ended, log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func numbers(version string) []int {
	var major, minor, patch int
	fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return []int{major, minor, patch}
}
