/* See pages.h. */
#include "pages.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fatal.h"
#include "logger.h"
#include "refuse.h"
#include "names.h"

enum { TAG_BYTES = 8, TAG_SIZE = 2 * TAG_BYTES + 3 };

typedef struct {
    char *path; /* from / on */
    const char *type;
    zr_blob_t *bytes;
    char tag[TAG_SIZE];
} page_t;

struct pages {
    page_t *items;
    size_t count, size;
};

/* Scripts and styles of the page itself only, and no frame of another page around it. */
static const char s_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

static const char *s_type(const char *name) {
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"}, {".json", "application/json"}, {".svg", "image/svg+xml"},
        {".png", "image/png"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"}, {".webmanifest", "application/manifest+json"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

static zr_blob_t *s_read_file(const char *path) {
    struct stat stat;
    FILE *file = fopen(path, "rbe");
    zr_blob_t *bytes = NULL;
    if (file && fstat(fileno(file), &stat) == 0 && S_ISREG(stat.st_mode) && (size_t)stat.st_size <= PAGES_FILE_MAX) {
        bytes = zr_blob_new((size_t)stat.st_size);
        if (fread(zr_blob_data(bytes), 1, zr_blob_len(bytes), file) != zr_blob_len(bytes)) {
            zr_blob_unref(bytes);
            bytes = NULL;
        }
    }
    if (file)
        fclose(file);
    if (!bytes)
        zr_log(ZR_LOG_WARN, "%s is not served: it cannot be read, or is larger than 4 MB", path);
    return bytes;
}

static void s_tag(page_t *page) {
    uint8_t hash[crypto_generichash_BYTES];
    char hex[2 * TAG_BYTES + 1];
    crypto_generichash(hash, sizeof hash, zr_blob_data(page->bytes), zr_blob_len(page->bytes), NULL, 0);
    zr_hex(hex, hash, TAG_BYTES);
    snprintf(page->tag, sizeof page->tag, "\"%s\"", hex);
}

static void s_add(pages_t *pages, const char *file, const char *path, const char *type) {
    zr_blob_t *bytes = pages->count < PAGES_FILES ? s_read_file(file) : NULL;
    if (!bytes)
        return;
    FATAL_GROW(pages->items, pages->count, pages->size);
    page_t *page = &pages->items[pages->count++];
    *page = (page_t){.path = fatal_check(strdup(path)), .type = type, .bytes = bytes};
    s_tag(page);
}

static void s_read_folder(pages_t *pages, const char *folder, const char *path, int depth);

static void s_take_entry(pages_t *pages, const char *folder, const char *path, const char *name, int depth) {
    char file[PATH_MAX], below[PATH_MAX];
    struct stat what;
    if (name[0] == '.' || (size_t)snprintf(file, sizeof file, "%s/%s", folder, name) >= sizeof file ||
        (size_t)snprintf(below, sizeof below, "%s/%s", path, name) >= sizeof below || stat(file, &what) != 0)
        return;
    if (S_ISDIR(what.st_mode) && depth < PAGES_DEPTH)
        s_read_folder(pages, file, below, depth + 1);
    else if (S_ISREG(what.st_mode) && s_type(name))
        s_add(pages, file, below, s_type(name));
}

static void s_read_folder(pages_t *pages, const char *folder, const char *path, int depth) {
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        s_take_entry(pages, folder, path, entry->d_name, depth);
    if (dir)
        closedir(dir);
}

bool pages_check(const gateway_config_t *config, zr_error_t *error) {
    struct stat what;
    bool there = stat(config->page, &what) == 0;
    return (there ? S_ISDIR(what.st_mode) : gateway_config_page_is_default(config)) ||
           zr_fail(error, "http/page: there is no folder %s", config->page);
}

pages_t *pages_read(const gateway_config_t *config, zr_error_t *error) {
    if (!pages_check(config, error))
        return NULL;
    pages_t *pages = fatal_calloc(sizeof *pages);
    s_read_folder(pages, config->page, "", 0);
    return pages;
}

void pages_destroy(pages_t *pages) {
    if (!pages)
        return;
    for (size_t i = 0; i < pages->count; i++) {
        free(pages->items[i].path);
        zr_blob_unref(pages->items[i].bytes);
    }
    free(pages->items);
    free(pages);
}

static const page_t *s_find(const pages_t *pages, zr_span_t path) {
    if (zr_span_equal(path, zr_span("/")))
        path = zr_span("/index.html");
    for (size_t i = 0; i < pages->count; i++)
        if (zr_span_equal(path, zr_span(pages->items[i].path)))
            return &pages->items[i];
    return NULL;
}

void pages_take(void *ctx, exchange_t *e) {
    static const web_header_t allow = {"Allow", "GET, HEAD"};
    zr_span_t rest = exchange_target(e), path = zr_span_cut(&rest, '?');
    const page_t *page = s_find(ctx, path);
    const char *known = exchange_header(e, "If-None-Match");
    if (!page) {
        refuse_with(e, HTTP_NOT_FOUND, "nothing is at this path", NULL, 0);
        return;
    }
    if (strcmp(exchange_method(e), "GET") != 0 && strcmp(exchange_method(e), "HEAD") != 0) {
        refuse_with(e, HTTP_METHOD_NOT_ALLOWED, "files can be read only", &allow, 1);
        return;
    }
    const web_header_t headers[] = {{"Content-Type", page->type}, {"ETag", page->tag}, {"Cache-Control", "no-cache"},
        {"Content-Security-Policy", s_policy}, {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"}, {"Cross-Origin-Opener-Policy", "same-origin"}};
    enum { HEADERS = sizeof headers / sizeof headers[0] };
    bool same = known && strcmp(known, page->tag) == 0;
    exchange_answer(e, same ? 304 : 200, headers, HEADERS,
        same ? zr_span("") : zr_span_of(zr_blob_data(page->bytes), zr_blob_len(page->bytes)));
}
