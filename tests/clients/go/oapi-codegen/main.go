// Calls the server through the clients that oapi-codegen makes.
package main

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	lines "clients"
	"clients/oapi-codegen/admin"
	"clients/oapi-codegen/workflow"
)

var (
	ctx        = context.Background()
	api, _     = workflow.NewClientWithResponses(lines.Server)
	control, _ = admin.NewClientWithResponses(lines.Server)
)

func start(call lines.Call) (lines.Answer, error) {
	var editors []workflow.RequestEditorFn
	if call.Token != "" {
		editors = append(editors, func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+call.Token)
			return nil
		})
	}
	body := workflow.StartWorkflowExecutionRequest{
		Data: workflow.StartWorkflowExecutionData{WorkflowId: uuid.MustParse(call.Body)},
	}
	made, err := api.StartWorkflowExecutionWithResponse(
		ctx, uuid.MustParse(call.Customer), uuid.MustParse(call.Workflow), body, editors...)
	if err != nil {
		return nil, err
	}
	if made.JSON200 != nil {
		data, triggers := made.JSON200.Data, 0
		for _, task := range data.Tasks {
			if task.IsTrigger {
				triggers++
			}
		}
		return lines.Answer{
			"status":   made.StatusCode(),
			"workflow": data.WorkflowId,
			"queued":   len(data.ExecutionQueue),
			"triggers": triggers,
			"finished": data.Finished,
		}, nil
	}
	envelope := first(made.JSON400, made.JSON401, made.JSON403, made.JSON404, made.JSON405, made.JSON406, made.JSON413,
		made.JSON415, made.JSON429, made.JSON500, made.JSON503, made.JSONDefault)
	properties := []string{}
	for _, problem := range envelope.Meta.Validation {
		properties = append(properties, problem.Property)
	}
	return lines.Answer{
		"status":     made.StatusCode(),
		"code":       envelope.Meta.Errors[0].Code,
		"properties": properties,
		"retryAfter": retryAfter(made.HTTPResponse),
	}, nil
}

func token(call lines.Call) (lines.Answer, error) {
	made, err := api.RequestTokenWithFormdataBodyWithResponse(ctx, workflow.TokenRequest{
		GrantType: workflow.ClientCredentials, ClientId: &call.Client, ClientSecret: &call.Secret, Scope: call.Scope,
	})
	if err != nil {
		return nil, err
	}
	if made.JSON200 != nil {
		return lines.Answer{
			"status": made.StatusCode(), "token": made.JSON200.AccessToken, "scope": made.JSON200.Scope,
		}, nil
	}
	refused := first(made.JSON400, made.JSON401, made.JSON429, made.JSON503, made.JSONDefault)
	return lines.Answer{
		"status":      made.StatusCode(),
		"code":        refused.Error,
		"description": refused.ErrorDescription,
		"retryAfter":  retryAfter(made.HTTPResponse),
	}, nil
}

func addFault(call lines.Call) (lines.Answer, error) {
	customer := uuid.MustParse(call.Customer)
	spec := admin.FaultSpec{
		Status:      call.Fault.Status,
		Code:        call.Fault.Code,
		Times:       call.Fault.Times,
		RetryAfter:  call.Fault.RetryAfter,
		Probability: call.Fault.Probability,
		Seed:        call.Fault.Seed,
		Matcher:     &admin.Matcher{CustomerId: &customer},
	}
	if delay := call.Fault.Delay; delay != nil {
		spec.DelayDistribution = &admin.DelayDistribution{
			Type:   admin.DelayDistributionType(delay.Type),
			Lower:  delay.Lower,
			Upper:  delay.Upper,
			Median: delay.Median,
			Sigma:  delay.Sigma,
		}
	}
	made, err := control.AddFaultWithResponse(ctx, nil, spec)
	if err != nil {
		return nil, err
	}
	if made.JSON201 == nil {
		return refused(made.StatusCode(), made.JSONDefault), nil
	}
	return lines.Answer{"status": made.StatusCode(), "id": made.JSON201.Id}, nil
}

func getFault(call lines.Call) (lines.Answer, error) {
	made, err := control.GetFaultWithResponse(ctx, uuid.MustParse(call.ID), nil)
	if err != nil {
		return nil, err
	}
	if made.JSON200 == nil {
		return refused(made.StatusCode(), made.JSONDefault), nil
	}
	view := made.JSON200
	fault := lines.Fault{
		Status:      view.Status,
		Code:        view.Code,
		Times:       view.Times,
		RetryAfter:  view.RetryAfter,
		Probability: view.Probability,
		Seed:        view.Seed,
	}
	if delay := view.DelayDistribution; delay != nil {
		fault.Delay = &lines.Delay{
			Type: string(delay.Type), Lower: delay.Lower, Upper: delay.Upper, Median: delay.Median, Sigma: delay.Sigma,
		}
	}
	return lines.Answer{"status": made.StatusCode(), "fault": fault}, nil
}

func findFaults(call lines.Call) (lines.Answer, error) {
	customer := uuid.MustParse(call.Customer)
	made, err := control.FindFaultsWithResponse(ctx, &admin.FindFaultsParams{CustomerId: &customer})
	if err != nil {
		return nil, err
	}
	ids := []*uuid.UUID{}
	for _, fault := range made.JSON200.Faults {
		ids = append(ids, fault.Id)
	}
	return lines.Answer{"status": made.StatusCode(), "ids": ids}, nil
}

func setClock(call lines.Call) (lines.Answer, error) {
	customer := uuid.MustParse(call.Customer)
	made, err := control.ChangeClockWithResponse(
		ctx, &admin.ChangeClockParams{CustomerId: &customer}, admin.ClockChange{Action: admin.ActionSet, To: &call.To})
	if err != nil {
		return nil, err
	}
	clock := made.JSON200
	return lines.Answer{
		"status": made.StatusCode(), "now": clock.Now, "own": clock.Own, "frozen": clock.Frozen,
	}, nil
}

func restore(call lines.Call) (lines.Answer, error) {
	customer := uuid.MustParse(call.Customer)
	snapshot, err := control.GetSnapshotWithResponse(ctx, &admin.GetSnapshotParams{CustomerId: &customer})
	if err != nil {
		return nil, err
	}
	made, err := control.PutSnapshotWithResponse(
		ctx, &admin.PutSnapshotParams{CustomerId: &customer}, *snapshot.JSON200)
	if err != nil {
		return nil, err
	}
	if made.JSONDefault != nil {
		return refused(made.StatusCode(), made.JSONDefault), nil
	}
	return lines.Answer{"status": made.StatusCode()}, nil
}

func verify(call lines.Call) (lines.Answer, error) {
	customer := uuid.MustParse(call.Customer)
	made, err := control.VerifyRequestsWithResponse(
		ctx, &admin.VerifyRequestsParams{CustomerId: &customer}, admin.Verification{
			Matcher: &admin.Matcher{Status: &call.Status},
			Count:   &admin.VerificationTimes{Exactly: &call.Exactly},
		})
	if err != nil {
		return nil, err
	}
	verdict := first(made.JSON200, made.JSON409)
	return lines.Answer{"status": made.StatusCode(), "verified": verdict.Verified, "count": verdict.Count}, nil
}

func refused(status int, response *admin.ErrorResponse) lines.Answer {
	properties := []string{}
	for _, problem := range response.Meta.Validation {
		properties = append(properties, problem.Property)
	}
	return lines.Answer{"status": status, "code": response.Meta.Errors[0].Code, "properties": properties}
}

// first is the one of these that there is: each status has a member of its own.
func first[T any](responses ...*T) *T {
	for _, response := range responses {
		if response != nil {
			return response
		}
	}
	return nil
}

func retryAfter(response *http.Response) *string {
	if value := response.Header.Get("Retry-After"); value != "" {
		return &value
	}
	return nil
}

func main() {
	lines.AnswerAll(map[string]func(lines.Call) (lines.Answer, error){
		"start": start, "token": token, "add_fault": addFault, "get_fault": getFault, "find_faults": findFaults,
		"set_clock": setClock, "restore": restore, "verify": verify,
	})
}
