// Package lines reads calls as lines of JSON from standard input, and answers each with one line: what the client made
// of it.
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

var Server = os.Getenv("WORKFLOW_MOCK_URL")

// Call has what any of the calls is given.
type Call struct {
	Call, Customer, Workflow, Body, Token, Client, Secret, ID string
	Scope                                                     *string
	To                                                        time.Time
	Status                                                    int
	Exactly                                                   int64
	Fault                                                     Fault
}

// Fault has the members of a fault that a test looks at.
type Fault struct {
	Status      *int     `json:"status"`
	Code        *string  `json:"code"`
	Times       *int64   `json:"times"`
	RetryAfter  *string  `json:"retryAfter"`
	Probability *float64 `json:"probability"`
	Seed        *int64   `json:"seed"`
	Delay       *Delay   `json:"delay"`
}

type Delay struct {
	Type   string   `json:"type"`
	Lower  *float64 `json:"lower"`
	Upper  *float64 `json:"upper"`
	Median *float64 `json:"median"`
	Sigma  *float64 `json:"sigma"`
}

type Answer map[string]any

// AnswerAll answers each call by the function of its name.
func AnswerAll(calls map[string]func(Call) (Answer, error)) {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		var call Call
		err := json.Unmarshal(input.Bytes(), &call)
		var answer Answer
		if err == nil {
			answer, err = calls[call.Call](call)
		}
		if err != nil {
			answer = Answer{"raised": fmt.Sprintf("%+v", err)}
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}
