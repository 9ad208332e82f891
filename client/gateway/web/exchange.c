/* See exchange.h and exchange_mhd.h. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "exchange_mhd.h"
#include "fatal.h"

enum { STREAM_BLOCK = 16384 };

struct exchange {
    exchange_host_t *host;
    struct MHD_Connection *connection;
    char *target;
    const char *method;
    address_t address;
    bool secure;
    zr_buffer_t body;
    queue_holder_t upload; /* the body, until it is whole */
    bool refused;          /* others needed the room: the rest of the body is not taken */

    bool begun;     /* its headers were seen */
    bool handled;   /* the handler was called */
    bool suspended; /* libmicrohttpd leaves the connection alone; in the host's list */
    exchange_t *prev, *next;
    bool queued; /* libmicrohttpd has the response */
    unsigned status;
    struct MHD_Response *response; /* NULL: not answered yet */

    zr_buffer_t joined; /* headers of one name */

    bool aborted;
    int fd; /* of a stream: watched for the peer's end; else -1 */
    poll_source_t source;
    bool ended;         /* nothing is written to the stream any more */
    blob_queue_t queue; /* what of the stream waits */

    exchange_upgraded_fn *upgraded;
    void *upgraded_ctx;
    void (*drained)(void *ctx);
    void *drained_ctx;
    void (*gone)(void *ctx);
    void *gone_ctx;
};

struct web_pipe {
    struct MHD_UpgradeResponseHandle *handle;
    bool *due; /* libmicrohttpd closes the connection in its next turn */
};

static void s_drop_body(exchange_t *e) {
    queue_holder_end(&e->upload);
    queue_holder_release(&e->upload, e->body.len);
    zr_buffer_finish(&e->body);
}

static void s_evict_upload(void *ctx) {
    exchange_t *e = ctx;
    s_drop_body(e);
    e->refused = true;
}

exchange_t *exchange_new(exchange_host_t *host, const char *target) {
    exchange_t *e = fatal_calloc(sizeof *e);
    e->host = host;
    e->fd = -1;
    e->upload = (queue_holder_t){.budget = host->budget, .evict = s_evict_upload, .ctx = e};
    e->target = fatal_check(strdup(target));
    return e;
}

void exchange_destroy(exchange_t *e) {
    if (!e)
        return;
    if (e->gone)
        e->gone(e->gone_ctx);
    if (e->suspended)
        DL_DELETE(e->host->suspended, e);
    if (e->fd >= 0)
        poller_remove(e->host->poller, e->fd, &e->source);
    if (e->response)
        MHD_destroy_response(e->response);
    blob_queue_finish(&e->queue);
    zr_buffer_finish(&e->joined);
    s_drop_body(e);
    free(e->target);
    free(e);
}

void exchange_place(exchange_t *e, struct MHD_Connection *connection, const address_t *address, bool secure) {
    e->connection = connection;
    e->address = *address;
    e->secure = secure;
}

/* --- The request --- */

const char *exchange_method(const exchange_t *e) {
    return e->method;
}

zr_span_t exchange_target(const exchange_t *e) {
    return zr_span(e->target);
}

const char *exchange_header(const exchange_t *e, const char *name) {
    return MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, name);
}

typedef struct {
    exchange_t *e;
    const char *name;
} wanted_header_t;

static enum MHD_Result s_join_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value) {
    wanted_header_t *wanted = ctx;
    (void)kind;
    if (strcasecmp(name, wanted->name) != 0 || !value)
        return MHD_YES;
    if (wanted->e->joined.len > 0)
        zr_buffer_u8(&wanted->e->joined, ',');
    zr_buffer_append(&wanted->e->joined, value, strlen(value));
    return MHD_YES;
}

zr_span_t exchange_headers(exchange_t *e, const char *name) {
    wanted_header_t wanted = {e, name};
    zr_buffer_clear(&e->joined);
    MHD_get_connection_values(e->connection, MHD_HEADER_KIND, s_join_header, &wanted);
    return zr_span_of(e->joined.data, e->joined.len);
}

zr_span_t exchange_body(const exchange_t *e) {
    return zr_span_of(e->body.data, e->body.len);
}

const address_t *exchange_address(const exchange_t *e) {
    return &e->address;
}

bool exchange_is_secure(const exchange_t *e) {
    return e->secure;
}

/* --- From libmicrohttpd --- */

static enum MHD_Result s_queue(exchange_t *e) {
    e->queued = true;
    return MHD_queue_response(e->connection, e->status, e->response);
}

static void s_suspend(exchange_t *e) {
    MHD_suspend_connection(e->connection);
    e->suspended = true;
    DL_APPEND(e->host->suspended, e);
}

static void s_resume(exchange_t *e) {
    if (!e->suspended)
        return;
    e->suspended = false;
    DL_DELETE(e->host->suspended, e);
    *e->host->due = true;
    MHD_resume_connection(e->connection);
}

void exchange_resume_all(exchange_host_t *host) {
    while (host->suspended)
        s_resume(host->suspended);
}

/* The answer is sent before the body is read, and libmicrohttpd closes the connection after it. `text`: a problem. */
static enum MHD_Result s_refuse(exchange_t *e, unsigned status, const char *text) {
    static const web_header_t headers[] = {{"Content-Type", "application/problem+json"}, {"Connection", "close"}};
    e->handled = true;
    exchange_answer(e, status, headers, 2, zr_span(text));
    return s_queue(e);
}

static enum MHD_Result s_refuse_length(exchange_t *e) {
    return s_refuse(e, 413,
        "{\"type\":\"urn:zrelay:error:too-large\",\"title\":\"the body is too large\",\"status\":413,"
        "\"code\":\"too-large\",\"detail\":\"the body is larger than limits/max-body\"}\n");
}

static enum MHD_Result s_refuse_framing(exchange_t *e) {
    return s_refuse(e, 400,
        "{\"type\":\"urn:zrelay:error:bad-request\",\"title\":\"the request is malformed\",\"status\":400,"
        "\"code\":\"bad-request\",\"detail\":\"a body has one Content-Length, or Transfer-Encoding: chunked; names of "
        "fields have no blanks\"}\n");
}

/* A proxy may read the other one of two lengths, and take what follows for a request of another client (RFC 9112,
 * section 6.3). libmicrohttpd lets both pass. */
static bool s_has_one_length(exchange_t *e) {
    zr_span_t length = exchange_headers(e, "Content-Length");
    bool has_length = length.len > 0, several = has_length && memchr(length.ptr, ',', length.len);
    zr_span_t encoding = exchange_headers(e, "Transfer-Encoding");
    if (encoding.len == 0)
        return !several;
    return !has_length && encoding.len == strlen("chunked") && strncasecmp(encoding.ptr, "chunked", encoding.len) == 0;
}

/* A name with a blank behind it is another name for some programs, and the same one for others (RFC 9112, section 5.1). */
static enum MHD_Result s_check_name(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value) {
    bool *good = ctx;
    (void)kind;
    (void)value;
    *good &= !strpbrk(name, " \t");
    return MHD_YES;
}

static bool s_names_are_good(exchange_t *e) {
    bool good = true;
    MHD_get_connection_values(e->connection, MHD_HEADER_KIND, s_check_name, &good);
    return good;
}

static enum MHD_Result s_begin(exchange_t *e, const char *method) {
    const char *length = exchange_header(e, "Content-Length");
    e->begun = true;
    e->method = method;
    if (!s_has_one_length(e) || !s_names_are_good(e))
        return s_refuse_framing(e);
    return length && strtoull(length, NULL, 10) > e->host->max_body ? s_refuse_length(e) : MHD_YES;
}

/* False: it does not fit, and the connection is closed. */
static bool s_take_body(exchange_t *e, const char *bytes, size_t len) {
    if (e->body.len + len > e->host->max_body || !queue_budget_make_room(e->host->budget, len) || e->refused)
        return false;
    zr_buffer_append(&e->body, bytes, len);
    queue_holder_hold(&e->upload, len);
    queue_holder_begin(&e->upload);
    return true;
}

enum MHD_Result exchange_take(exchange_t *e, const char *method, const char *upload, size_t *upload_len, bool *whole) {
    if (!e->begun)
        return s_begin(e, method);
    if (*upload_len > 0) {
        bool fits = s_take_body(e, upload, *upload_len);
        *upload_len = fits ? 0 : *upload_len;
        return fits ? MHD_YES : MHD_NO;
    }
    if (e->queued)
        return MHD_YES;
    if (e->refused)
        return MHD_NO;
    if (!e->handled) {
        queue_holder_end(&e->upload);
        e->handled = *whole = true;
        e->host->handler(e->host->ctx, e);
    }
    if (e->response)
        return s_queue(e);
    s_suspend(e);
    return MHD_YES;
}

/* --- The answer --- */

static void s_respond(
    exchange_t *e, unsigned status, struct MHD_Response *response, const web_header_t *headers, size_t count) {
    FATAL_UNLESS(!e->response && response);
    for (size_t i = 0; i < count; i++)
        MHD_add_response_header(response, headers[i].name, headers[i].value);
    e->status = status;
    e->response = response;
    s_resume(e);
}

void exchange_answer(exchange_t *e, unsigned status, const web_header_t *headers, size_t count, zr_span_t body) {
    void *bytes = body.len ? (void *)body.ptr : "";
    s_respond(e, status, MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY), headers, count);
}

static size_t s_take_bytes(exchange_t *e, char *to, size_t max) {
    size_t taken = 0;
    struct iovec piece;
    while (taken < max && blob_queue_peek(&e->queue, &piece, 1) > 0) {
        size_t len = piece.iov_len < max - taken ? piece.iov_len : max - taken;
        memcpy(to + taken, piece.iov_base, len);
        taken += len;
        blob_queue_drop(&e->queue, len);
    }
    return taken;
}

static ssize_t s_read_stream(void *ctx, uint64_t pos, char *to, size_t max) {
    exchange_t *e = ctx;
    (void)pos;
    if (e->aborted)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = s_take_bytes(e, to, max);
    if (len > 0) {
        if (e->drained)
            e->drained(e->drained_ctx);
        return (ssize_t)len;
    }
    if (e->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    s_suspend(e);
    return 0;
}

/* libmicrohttpd does not look at a connection that is suspended, and would not notice that its peer is gone. */
static void s_on_peer_end(void *ctx, uint32_t events) {
    exchange_t *e = ctx;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        exchange_abort(e);
}

static void s_watch(exchange_t *e) {
    e->source = (poll_source_t){s_on_peer_end, e};
    e->fd = MHD_get_connection_info(e->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (!poller_add(e->host->poller, e->fd, EPOLLRDHUP | EPOLLET, &e->source))
        e->fd = -1; /* it is noticed with the next bytes that are sent */
}

/* Others need the room. */
static void s_evict(void *ctx) {
    exchange_t *e = ctx;
    blob_queue_finish(&e->queue);
    exchange_abort(e);
}

void exchange_stream(exchange_t *e, unsigned status, const web_header_t *headers, size_t count) {
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, s_read_stream, e, NULL);
    e->queue.holder = (queue_holder_t){.budget = e->host->budget, .evict = s_evict, .ctx = e};
    s_respond(e, status, response, headers, count);
    s_watch(e);
}

void exchange_write(exchange_t *e, zr_blob_t *bytes) {
    bool room = queue_budget_make_room(e->host->budget, zr_blob_len(bytes));
    e->aborted |= !room;
    if (!e->aborted)
        blob_queue_push(&e->queue, bytes);
    zr_blob_unref(bytes);
    s_resume(e);
}

size_t exchange_queued(const exchange_t *e) {
    return e->queue.bytes;
}

void exchange_end(exchange_t *e) {
    e->ended = true;
    s_resume(e);
}

void exchange_abort(exchange_t *e) {
    e->aborted = true;
    s_resume(e);
}

static void s_upgraded(void *ctx, struct MHD_Connection *connection, void *con_ctx, const char *extra, size_t extra_len,
    MHD_socket fd, struct MHD_UpgradeResponseHandle *pipe) {
    exchange_t *e = ctx;
    (void)connection;
    (void)con_ctx;
    web_pipe_t *own = fatal_calloc(sizeof *own);
    *own = (web_pipe_t){pipe, e->host->due};
    e->gone = NULL;
    e->upgraded(e->upgraded_ctx, fd, own, zr_span_of(extra, extra_len));
}

void exchange_upgrade(
    exchange_t *e, const web_header_t *headers, size_t count, exchange_upgraded_fn *upgraded, void *ctx) {
    e->upgraded = upgraded;
    e->upgraded_ctx = ctx;
    s_respond(e, MHD_HTTP_SWITCHING_PROTOCOLS, MHD_create_response_for_upgrade(s_upgraded, e), headers, count);
}

void web_pipe_close(web_pipe_t *pipe) {
    *pipe->due = true;
    MHD_upgrade_action(pipe->handle, MHD_UPGRADE_ACTION_CLOSE);
    free(pipe);
}

void exchange_on_drained(exchange_t *e, void (*drained)(void *ctx), void *ctx) {
    e->drained = drained;
    e->drained_ctx = ctx;
}

void exchange_on_gone(exchange_t *e, void (*gone)(void *ctx), void *ctx) {
    e->gone = gone;
    e->gone_ctx = ctx;
}
