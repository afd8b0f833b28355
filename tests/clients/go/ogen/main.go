// Calls the server through the clients that ogen makes.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	lines "clients"
	"clients/ogen/admin"
	"clients/ogen/workflow"
)

var (
	ctx        = context.Background()
	api, _     = workflow.NewClient(lines.Server, tokens{})
	control, _ = admin.NewClient(lines.Server, tokens{})
)

type tokenKey struct{}

// tokens are what a client presents: of a start the token in its context, of the control plane none.
type tokens struct{}

func (tokens) OAuth2(ctx context.Context, _ workflow.OperationName) (workflow.OAuth2, error) {
	token, _ := ctx.Value(tokenKey{}).(string)
	return workflow.OAuth2{Token: token}, nil
}

func (tokens) AdminToken(context.Context, admin.OperationName) (admin.AdminToken, error) {
	return admin.AdminToken{}, nil
}

func start(call lines.Call) (lines.Answer, error) {
	request := &workflow.StartWorkflowExecutionRequest{
		Data: workflow.StartWorkflowExecutionData{WorkflowId: workflow.UuidInAnyCase(uuid.MustParse(call.Body))},
	}
	params := workflow.StartWorkflowExecutionParams{
		CustomerId: workflow.UuidInAnyCase(uuid.MustParse(call.Customer)),
		WorkflowId: workflow.UuidInAnyCase(uuid.MustParse(call.Workflow)),
	}
	made, err := api.StartWorkflowExecution(context.WithValue(ctx, tokenKey{}, call.Token), request, params)
	if err != nil {
		return nil, err
	}
	none := workflow.OptString{}
	switch made := made.(type) {
	case *workflow.ExecutionStartedHeaders:
		data, triggers := made.Response.Data, 0
		for _, task := range data.Tasks {
			if task.IsTrigger {
				triggers++
			}
		}
		var finished any
		if moment, ok := data.Finished.Get(); ok {
			finished = moment
		}
		return lines.Answer{
			"status":   200,
			"workflow": uuid.UUID(data.WorkflowId),
			"queued":   len(data.ExecutionQueue),
			"triggers": triggers,
			"finished": finished,
		}, nil
	case *workflow.BadRequestHeaders:
		return refused(400, made.Response, none), nil
	case *workflow.UnauthorizedHeaders:
		return refused(401, made.Response, none), nil
	case *workflow.ForbiddenHeaders:
		return refused(403, made.Response, none), nil
	case *workflow.NotFoundHeaders:
		return refused(404, made.Response, none), nil
	case *workflow.MethodNotAllowedHeaders:
		return refused(405, made.Response, none), nil
	case *workflow.NotAcceptableHeaders:
		return refused(406, made.Response, none), nil
	case *workflow.BodyTooLargeHeaders:
		return refused(413, made.Response, none), nil
	case *workflow.UnsupportedMediaTypeHeaders:
		return refused(415, made.Response, none), nil
	case *workflow.TooManyRequestsHeaders:
		return refused(429, made.Response, made.RetryAfter), nil
	case *workflow.InternalErrorHeaders:
		return refused(500, made.Response, none), nil
	case *workflow.UnavailableHeaders:
		return refused(503, made.Response, made.RetryAfter), nil
	case *workflow.OtherErrorStatusCodeWithHeaders:
		return refused(made.StatusCode, made.Response, made.RetryAfter), nil
	}
	return nil, fmt.Errorf("no case for %T", made)
}

func refused(status int, envelope workflow.ErrorEnvelope, retryAfter workflow.OptString) lines.Answer {
	properties := []string{}
	for _, problem := range envelope.Meta.Validation {
		properties = append(properties, problem.Property)
	}
	return lines.Answer{
		"status":     status,
		"code":       string(envelope.Meta.Errors[0].Code),
		"properties": properties,
		"retryAfter": text(retryAfter),
	}
}

func token(call lines.Call) (lines.Answer, error) {
	request := &workflow.TokenRequest{
		GrantType:    workflow.TokenRequestGrantTypeClientCredentials,
		ClientID:     workflow.NewOptString(call.Client),
		ClientSecret: workflow.NewOptString(call.Secret),
	}
	if call.Scope != nil {
		request.Scope.SetTo(*call.Scope)
	}
	made, err := api.RequestToken(ctx, request)
	if err != nil {
		return nil, err
	}
	none := workflow.OptString{}
	switch made := made.(type) {
	case *workflow.TokenIssuedHeaders:
		return lines.Answer{"status": 200, "token": made.Response.AccessToken, "scope": made.Response.Scope}, nil
	case *workflow.TokenRefusedHeaders:
		return noToken(400, made.Response, none), nil
	case *workflow.ClientUnauthenticatedHeaders:
		return noToken(401, made.Response, none), nil
	case *workflow.RequestTokenTooManyRequests:
		return noToken(429, made.Response, made.RetryAfter), nil
	case *workflow.RequestTokenServiceUnavailable:
		return noToken(503, made.Response, made.RetryAfter), nil
	case *workflow.OtherTokenErrorStatusCodeWithHeaders:
		return noToken(made.StatusCode, made.Response, made.RetryAfter), nil
	}
	return nil, fmt.Errorf("no case for %T", made)
}

func noToken(status int, refused workflow.TokenError, retryAfter workflow.OptString) lines.Answer {
	return lines.Answer{
		"status":      status,
		"code":        refused.Error,
		"description": text(refused.ErrorDescription),
		"retryAfter":  text(retryAfter),
	}
}

func text(value workflow.OptString) any {
	if text, ok := value.Get(); ok {
		return text
	}
	return nil
}

func addFault(call lines.Call) (lines.Answer, error) {
	given := call.Fault
	spec := &admin.FaultSpec{
		Matcher: admin.NewOptNilMatcher(admin.Matcher{CustomerId: admin.NewOptNilUUID(uuid.MustParse(call.Customer))}),
	}
	set(&spec.Status, given.Status)
	set(&spec.Code, given.Code)
	set(&spec.Times, given.Times)
	set(&spec.RetryAfter, given.RetryAfter)
	set(&spec.Probability, given.Probability)
	set(&spec.Seed, given.Seed)
	if given.Delay != nil {
		delay := admin.DelayDistribution{Type: admin.DelayDistributionType(given.Delay.Type)}
		set(&delay.Lower, given.Delay.Lower)
		set(&delay.Upper, given.Delay.Upper)
		set(&delay.Median, given.Delay.Median)
		set(&delay.Sigma, given.Delay.Sigma)
		spec.DelayDistribution.SetTo(delay)
	}
	made, err := control.AddFault(ctx, spec, admin.AddFaultParams{})
	if err != nil {
		return controlRefused(err)
	}
	return lines.Answer{"status": 201, "id": made.ID.Value}, nil
}

func getFault(call lines.Call) (lines.Answer, error) {
	view, err := control.GetFault(ctx, admin.GetFaultParams{FaultId: uuid.MustParse(call.ID)})
	if err != nil {
		return controlRefused(err)
	}
	fault := lines.Fault{
		Status:      get(view.Status),
		Code:        get(view.Code),
		Times:       get(view.Times),
		RetryAfter:  get(view.RetryAfter),
		Probability: get(view.Probability),
		Seed:        get(view.Seed),
	}
	if delay, ok := view.DelayDistribution.Get(); ok {
		fault.Delay = &lines.Delay{
			Type:   string(delay.Type),
			Lower:  get(delay.Lower),
			Upper:  get(delay.Upper),
			Median: get(delay.Median),
			Sigma:  get(delay.Sigma),
		}
	}
	return lines.Answer{"status": 200, "fault": fault}, nil
}

func findFaults(call lines.Call) (lines.Answer, error) {
	customer := admin.NewOptUUID(uuid.MustParse(call.Customer))
	page, err := control.FindFaults(ctx, admin.FindFaultsParams{CustomerId: customer})
	if err != nil {
		return nil, err
	}
	ids := []uuid.UUID{}
	for _, fault := range page.Faults {
		ids = append(ids, fault.ID.Value)
	}
	return lines.Answer{"status": 200, "ids": ids}, nil
}

func setClock(call lines.Call) (lines.Answer, error) {
	change := &admin.ClockChange{Action: admin.ActionSet, To: admin.NewOptNilDateTime(call.To)}
	customer := admin.NewOptUUID(uuid.MustParse(call.Customer))
	clock, err := control.ChangeClock(ctx, change, admin.ChangeClockParams{CustomerId: customer})
	if err != nil {
		return nil, err
	}
	return lines.Answer{"status": 200, "now": clock.Now, "own": clock.Own, "frozen": clock.Frozen}, nil
}

func restore(call lines.Call) (lines.Answer, error) {
	customer := admin.NewOptUUID(uuid.MustParse(call.Customer))
	snapshot, err := control.GetSnapshot(ctx, admin.GetSnapshotParams{CustomerId: customer})
	if err != nil {
		return nil, err
	}
	if err := control.PutSnapshot(ctx, snapshot, admin.PutSnapshotParams{CustomerId: customer}); err != nil {
		return controlRefused(err)
	}
	return lines.Answer{"status": 204}, nil
}

func verify(call lines.Call) (lines.Answer, error) {
	verification := &admin.Verification{
		Matcher: admin.NewOptNilMatcher(admin.Matcher{Status: admin.NewOptNilInt(call.Status)}),
		Count:   admin.NewOptNilVerificationTimes(admin.VerificationTimes{Exactly: admin.NewOptNilInt64(call.Exactly)}),
	}
	customer := admin.NewOptUUID(uuid.MustParse(call.Customer))
	made, err := control.VerifyRequests(ctx, verification, admin.VerifyRequestsParams{CustomerId: customer})
	if err != nil {
		return nil, err
	}
	switch made := made.(type) {
	case *admin.VerifyRequestsOK:
		return lines.Answer{"status": 200, "verified": made.Verified, "count": made.Count}, nil
	case *admin.VerifyRequestsConflict:
		return lines.Answer{"status": 409, "verified": made.Verified, "count": made.Count}, nil
	}
	return nil, fmt.Errorf("no case for %T", made)
}

// controlRefused is what the control plane's refusal says; any other error stays one.
func controlRefused(err error) (lines.Answer, error) {
	var refusal *admin.ErrorResponseStatusCode
	if !errors.As(err, &refusal) {
		return nil, err
	}
	properties := []string{}
	for _, problem := range refusal.Response.Meta.Validation {
		properties = append(properties, problem.Property)
	}
	return lines.Answer{
		"status": refusal.StatusCode, "code": refusal.Response.Meta.Errors[0].Code, "properties": properties,
	}, nil
}

func set[T any](optional interface{ SetTo(T) }, value *T) {
	if value != nil {
		optional.SetTo(*value)
	}
}

func get[T any](optional interface{ Get() (T, bool) }) *T {
	if value, ok := optional.Get(); ok {
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
