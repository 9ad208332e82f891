/* bye: the session ends at once. */
#include "commands.h"
#include "reply.h"
#include "session_end.h"

void cmd_bye(relay_t *relay, request_t *request) {
    reply(relay, request, json_pack("{ss}", "op", "ok"));
    session_end(relay, request->session, "bye");
}
