/* The stable error codes of the protocol (PROTOCOL.md, section 9), one table for both ends. */
#ifndef ZR_CODE_H
#define ZR_CODE_H

#include "span.h"

// clang-format off
/*      name               on the wire          what to do, for a person */
#define ZR_CODES(X)                                                                                                    \
    X(OK, "ok", "done")                                                                                                \
    X(NO_SESSION, "no-session", "say hello first")                                                                     \
    X(BAD_FRAME, "bad-frame", "the frame cannot be read; one message is one frame, laid out as PROTOCOL.md says")      \
    X(BAD_JSON, "bad-json", "send one JSON object, not nested deeper than 8, without repeated members")                \
    X(UNKNOWN_OP, "unknown-op", "this broker does not know the op")                                                    \
    X(BAD_MEMBER, "bad-member", "a member is missing, of the wrong type or out of range")                              \
    X(BAD_PROTO, "bad-proto", "this broker speaks proto 1")                                                            \
    X(BAD_ROOM, "bad-room", "a room name is 1 to 128 bytes of UTF-8, no spaces, no control characters, no '*', no '{' first") \
    X(BAD_NICK, "bad-nick", "a nick is 1 to 32 bytes of UTF-8, no spaces, no control characters")                      \
    X(BAD_KEY, "bad-key", "a key is 1 to 255 bytes of UTF-8, no spaces, no control characters")                        \
    X(BAD_ID, "bad-id", "message ids rise within a frame and stay between 1 and 2^53-1")                               \
    X(NICK_IN_USE, "nick-in-use", "another session has this nick; choose another")                                     \
    X(NO_SUCH_USER, "no-such-user", "nobody here has this nick")                                                       \
    X(NO_CHANNEL, "no-channel", "this trunk has no open channel of that number; open it first")                        \
    X(TOO_LARGE, "too-large", "the frame is larger than this broker takes; split it")                                  \
    X(TOO_MANY_ENTRIES, "too-many-entries", "more entries in a frame than this broker takes; split it")                \
    X(TOO_MANY_SESSIONS, "too-many-sessions", "the broker is full; try again later")                                   \
    X(TOO_MANY_ROOMS, "too-many-rooms", "the broker or this user has as many rooms as it may")                         \
    X(TOO_MANY_JOINS, "too-many-joins", "this session is in too many rooms; leave one")                                \
    X(TOO_MANY_CHANNELS, "too-many-channels", "the broker, this trunk or the peer's address has as many channels as it may") \
    X(TOO_MANY_KEYS, "too-many-keys", "the room holds no more keys; delete one")                                       \
    X(STATE_FULL, "state-full", "the keyed entries of all rooms are too large; delete some")                           \
    X(TOO_MANY_REPLAYS, "too-many-replays", "too many replays under way; wait for one")                                \
    X(CONFLICT, "conflict", "the key has a newer value")                                                               \
    X(NO_GROUP, "no-group", "the room has no such group, or this session no such worker; say work first")              \
    X(TOO_MANY_GROUPS, "too-many-groups", "the broker, the room or this user has as many groups as it may; delete one") \
    X(TOO_MANY_WORKERS, "too-many-workers", "the group has as many workers as it may; let one work for others")        \
    X(NOT_KEPT, "not-kept", "this room keeps no entries, so it has no groups; choose another room")                    \
    X(STORE_FAILED, "store-failed", "the broker could not store it; publish it again, under a new id, when it can")    \
    X(OUTCOME_UNKNOWN, "outcome-unknown", "the answer to this entry is no longer known; read the state")               \
    X(FORBIDDEN, "forbidden", "this user may not do that here; an operator can grant it")                              \
    X(LOGIN_REQUIRED, "login-required", "login required; log in with a user and a token, or connect with a key") \
    X(LOGIN_FAILED, "login-failed", "unknown user, wrong token, or tokens are not taken on this connection or channel") \
    X(RATE_LIMITED, "rate-limited", "too much at once; go on after `wait` milliseconds")                               \
    X(ADMIN_FAILED, "admin-failed", "the broker could not do it")

// clang-format on

typedef enum {
#define X(name, wire, text) ZR_##name,
    ZR_CODES(X)
#undef X
        ZR_CODE_COUNT
} zr_code_t;

/* The code as it stands on the wire, and a sentence that says what to do. Static strings. */
const char *zr_code_name(zr_code_t code);
const char *zr_code_text(zr_code_t code);

/* The code with that name; ZR_CODE_COUNT for an unknown one (a newer broker's). */
zr_code_t zr_code_from_name(zr_span_t name);

#endif
