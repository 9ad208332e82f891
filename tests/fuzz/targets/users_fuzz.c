/* The users file and the bans file: a text is put together from the lines of such files and from stray bytes. It is
 * refused with one line, or gives a table that answers questions. */
#include <string.h>

#include <sodium.h>

#include "bans.h"
#include "fuzz.h"
#include "users.h"

enum { TEXT_MAX = 20000 };

#define KEY(text) "    key = \"" text "\"\n"
#define HASH "$argon2id$v=19$m=65536,t=2,p=1$33F3YUK31uk4u6VwkvWCqw$gkECukiNO2s1ntx5VTK1l+N6uzCumOKDOL0qcJYzNNg"

static const char *const s_lines[] = {"user\n", "user\n    name = alice\n", "user\n    name = bob\n",
    "user\n    name = anonymous\n", "user\n    allow = \"read : *\"\n    name = carol\n", "role\n    name = alice\n",
    "role\n    name = member\n", "role\n", "    name = dave\n", "    role = member\n", "    role = alice\n",
    KEY("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"), KEY("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"), KEY("short"),
    "    token = \"" HASH "\"\n", "    token = '" HASH "'\n", "    token = plain\n", "    allow = \"read write : *\"\n",
    "    allow = \"all : chat/* x\"\n", "    allow = \"admin:*\"\n", "    deny = \"admin : *\"\n",
    "    deny = \"write : lobby\"\n", "    allow = ", "    deny = \"", "\n", "# ",
    "alice bob 2026-01-31T23:59:59Z spam\n", "bob alice 2026-01-31T23:59:59Z\n", "read : ", "\"\n"};
enum { LINES = sizeof s_lines / sizeof s_lines[0] };

/* Two bytes of three are a line, the others stand for themselves where they stand. */
static size_t s_write(const uint8_t *data, size_t size, char text[TEXT_MAX]) {
    size_t len = 0;
    for (size_t i = 0; i < size; i++) {
        bool line = data[i] % 3 > 0 || data[i] < 32;
        const char *piece = line ? s_lines[data[i] % LINES] : (const char *)&data[i];
        size_t more = line ? strlen(piece) : 1;
        if (len + more > TEXT_MAX)
            break;
        memcpy(text + len, piece, more);
        len += more;
    }
    return len;
}

/* The first bytes alone, too: the longer a text, the surer something is wrong with it. */
static size_t s_some(const uint8_t *data, size_t size) {
    return size < 2 ? size : 1 + data[0] % (size < 8 ? size : 8);
}

static void s_check_error(const zr_error_t *error) {
    unsigned lines = 0;
    for (const char *line = NULL; (line = zr_error_next(error, line)); lines++)
        fuzz_require(!strchr(line, '\n') && strncmp(line, "f:", 2) == 0);
    fuzz_require(lines > 0 && lines <= error->count && error->text[error->len - 1] == '\0');
}

static void s_check_users(zr_span_t text) {
    zr_error_t error = {0};
    users_t *users = users_parse("f", text, &error);
    if (!users) {
        s_check_error(&error);
        return;
    }
    users_count_t count = users_count(users);
    fuzz_require(count.most_tokens <= USERS_TOKENS_MAX && count.most_tokens <= count.tokens);
    access_t *access = users_access(users, true);
    const access_user_t *anonymous = access_user(access, zr_span(NULL));
    fuzz_require(!access_is_open_mode(access));
    fuzz_require((anonymous != NULL) == (users_of_name(users, zr_span("anonymous")) != NULL));
    fuzz_require(!anonymous || !access_is_admin(anonymous));
    access_destroy(access);
    users_destroy(users);
}

static void s_check_bans(zr_span_t text) {
    zr_error_t error = {0};
    bans_t bans = {0};
    if (!bans_parse(&bans, "f", text, &error))
        s_check_error(&error);
    for (size_t i = 0; i < bans.count; i++)
        fuzz_require(bans_find(&bans, zr_span(bans.items[i].user)) == &bans.items[i] &&
                     zr_nick_valid(zr_span(bans.items[i].by)) && !strchr(bans.items[i].reason, '\n'));
    bans_finish(&bans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char text[TEXT_MAX];
    fuzz_require(sodium_init() >= 0);
    zr_span_t written = zr_span_of(text, s_write(data, size, text));
    s_check_users(written);
    s_check_bans(written);
    written.len = s_write(data, s_some(data, size), text);
    s_check_users(written);
    s_check_bans(written);
    return 0;
}
