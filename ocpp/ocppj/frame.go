package ocppj

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Type is the kind of a frame: the first element of its array.
type Type int

// Types of frames (OCPP-J 1.6, 4.1.3; 5 and 6 are of OCPP 2.1, Part 4).
const (
	TypeCall            Type = 2
	TypeCallResult      Type = 3
	TypeCallError       Type = 4
	TypeCallResultError Type = 5
	TypeSend            Type = 6
)

// longestID is the longest message id (4.1.4).
const longestID = 36

// Code is an error code of a CALLERROR (OCPP-J 1.6, 4.2.3; OCPP 2.0.1 Part 4, 4.3). OCPP 1.6 spells some otherwise than
// the versions after it.
type Code string

// Codes.
const (
	NotImplemented     Code = "NotImplemented"                // the action is not known
	NotSupported       Code = "NotSupported"                  // it is known, and not offered here
	InternalError      Code = "InternalError"                 // the receiver failed
	ProtocolError      Code = "ProtocolError"                 // the payload is incomplete
	SecurityError      Code = "SecurityError"                 // it must not be asked
	FormationViolation Code = "FormationViolation"            // the payload is no such message (1.6)
	FormatViolation    Code = "FormatViolation"               // the same in 2.x
	PropertyConstraint Code = "PropertyConstraintViolation"   // a value is not allowed
	OccurrenceOf16     Code = "OccurenceConstraintViolation"  // a field is missing, as 1.6 spells it
	Occurrence         Code = "OccurrenceConstraintViolation" // a field is missing
	TypeConstraint     Code = "TypeConstraintViolation"       // a value is of another type
	GenericError       Code = "GenericError"                  // none of these
	MessageTypeUnknown Code = "MessageTypeNotSupported"       // 2.x
	RPCFrameworkError  Code = "RpcFrameworkError"             // 2.x: what came is no frame
)

// Error is a CALLERROR: what the peer answered, or what a handler wants it to be answered.
type Error struct {
	Code        Code
	Description string
}

func (e *Error) Error() string {
	if e.Description == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Description
}

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// Frame is one message on the wire.
type Frame struct {
	Type    Type
	ID      string
	Action  string          // of a call
	Payload json.RawMessage // of a call and of a result
	Err     *Error          // of an error
}

// Parse reads a frame. Where it is none the error is a *BadFrame.
func Parse(data []byte) (Frame, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return Frame{}, &BadFrame{Why: "is no JSON array"}
	}
	var f Frame
	if len(parts) < 2 || json.Unmarshal(parts[0], &f.Type) != nil {
		return f, &BadFrame{Why: "does not begin with a message type"}
	}
	if err := json.Unmarshal(parts[1], &f.ID); err != nil || f.ID == "" {
		return f, &BadFrame{Why: "has no message id"}
	}
	if len(f.ID) > longestID {
		return f, &BadFrame{Why: fmt.Sprintf("has a message id of %d characters", len(f.ID))}
	}
	rest := parts[2:]
	bad := func(why string) (Frame, error) { return f, &BadFrame{f.Type, f.ID, why} }
	switch f.Type {
	case TypeCall, TypeSend:
		if len(rest) != 2 || json.Unmarshal(rest[0], &f.Action) != nil || f.Action == "" {
			return bad("is no call: want an action and a payload")
		}
		f.Payload = rest[1]
	case TypeCallResult:
		if len(rest) != 1 {
			return bad("is no result: want a payload")
		}
		f.Payload = rest[0]
	case TypeCallError, TypeCallResultError:
		f.Err = new(Error)
		if len(rest) == 0 || json.Unmarshal(rest[0], &f.Err.Code) != nil {
			return bad("is no error: want a code")
		}
		if len(rest) > 1 { // some leave it out, or send none: the code is what counts
			_ = json.Unmarshal(rest[1], &f.Err.Description)
		}
		return f, nil
	default:
		return bad(fmt.Sprintf("has the message type %d, which is not known", f.Type))
	}
	if !isObject(f.Payload) {
		return bad("has a payload that is no JSON object")
	}
	return f, nil
}

// isObject tells whether valid JSON is an object.
func isObject(b json.RawMessage) bool { return len(b) > 0 && b[0] == '{' }

// BadFrame is the error of what is no frame. ID and Type are there where they could be read.
type BadFrame struct {
	Type Type
	ID   string
	Why  string
}

func (b *BadFrame) Error() string { return "frame " + b.Why }

// Encode writes a frame.
func (f Frame) Encode() ([]byte, error) {
	if f.ID == "" || len(f.ID) > longestID {
		return nil, fmt.Errorf("cannot send a frame with the message id %q: want 1 to %d characters", f.ID, longestID)
	}
	switch f.Type {
	case TypeCall, TypeSend:
		return json.Marshal([]any{f.Type, f.ID, f.Action, f.Payload})
	case TypeCallResult:
		return json.Marshal([]any{f.Type, f.ID, f.Payload})
	case TypeCallError, TypeCallResultError:
		if f.Err == nil {
			return nil, errors.New("cannot send an error that says nothing")
		}
		return json.Marshal([]any{f.Type, f.ID, f.Err.Code, shortened(f.Err.Description), struct{}{}})
	}
	return nil, fmt.Errorf("cannot send a frame of type %d", f.Type)
}

// longestDescription is the longest text of an error (4.2.3).
const longestDescription = 255

func shortened(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), longestDescription)])
}
