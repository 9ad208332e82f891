/* See gateway.h. */
#include "gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "clock.h"
#include "fatal.h"
#include "listener.h"
#include "poller.h"
#include "routes.h"
#include "web.h"

enum { ROUTES = 1 };

struct gateway {
    const gateway_config_t *config;
    poller_t *poller;
    web_t *web;
    listener_t *listener;
    int signals;
    poll_source_t on_signal;
    bool stopping;
    route_t routes[ROUTES];
};

/* --- Signals --- */

static void s_on_signal(void *ctx, uint32_t events) {
    gateway_t *gateway = ctx;
    struct signalfd_siginfo info;
    (void)events;
    if (read(gateway->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1) {
        zr_log(ZR_LOG_INFO, "signal %u means nothing here; settings are read at the start", info.ssi_signo);
        return;
    }
    zr_log(ZR_LOG_INFO, "signal %u: stopping", info.ssi_signo);
    gateway->stopping = true;
}

static bool s_open_signals(gateway_t *gateway, zr_error_t *error) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    gateway->on_signal = (poll_source_t){s_on_signal, gateway};
    gateway->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return (gateway->signals >= 0 && poller_add(gateway->poller, gateway->signals, EPOLLIN, &gateway->on_signal)) ||
           zr_fail(error, "cannot watch for signals: %s", strerror(errno));
}

/* --- Requests --- */

static void s_health(void *ctx, exchange_t *e) {
    static const web_header_t headers[] = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    (void)ctx;
    exchange_answer(e, 200, headers, 2, zr_span("{\"status\":\"ok\"}\n"));
}

static void s_on_request(void *ctx, exchange_t *e) {
    gateway_t *gateway = ctx;
    routes_take(gateway->routes, ROUTES, e);
}

static void s_on_accepted(void *ctx, int fd, const struct sockaddr *address, socklen_t len) {
    gateway_t *gateway = ctx;
    web_accept(gateway->web, fd, address, len);
}

static void s_fill_routes(gateway_t *gateway) {
    const route_t routes[ROUTES] = {{"/healthz", s_health, gateway}};
    memcpy(gateway->routes, routes, sizeof routes);
}

/* --- The gateway --- */

gateway_t *gateway_new(const gateway_config_t *config, zr_error_t *error) {
    gateway_t *gateway = fatal_calloc(sizeof *gateway);
    gateway->config = config;
    gateway->signals = -1;
    gateway->poller = fatal_check(poller_new());
    s_fill_routes(gateway);
    if (s_open_signals(gateway, error) &&
        (gateway->web = web_new(config, gateway->poller, s_on_request, gateway, error)) &&
        (gateway->listener = listener_open(&config->http, gateway->poller, s_on_accepted, gateway, error)))
        return gateway;
    gateway_destroy(gateway);
    return NULL;
}

void gateway_destroy(gateway_t *gateway) {
    if (!gateway)
        return;
    listener_close(gateway->listener);
    web_destroy(gateway->web);
    if (gateway->signals >= 0)
        close(gateway->signals);
    poller_destroy(gateway->poller);
    free(gateway);
}

char *gateway_banner(const gateway_t *gateway) {
    const gateway_config_t *config = gateway->config;
    bool ipv6 = strchr(config->http.host, ':');
    char *text = NULL;
    if (asprintf(&text, "zrelay-gateway " ZRELAY_VERSION " listening on %s://%s%s%s:%u, broker %s",
            config->tls_cert[0] ? "https" : "http", ipv6 ? "[" : "", config->http.host, ipv6 ? "]" : "",
            listener_port(gateway->listener), config->server) < 0)
        abort();
    return text;
}

static void s_notify(const char *state) {
#ifdef HAVE_SYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

static void s_turn(gateway_t *gateway) {
    uint64_t now = zr_mono_ms();
    web_turn(gateway->web, now);
    poller_wait(gateway->poller, web_timeout(gateway->web, now));
}

void gateway_run(gateway_t *gateway) {
    s_notify("READY=1");
    while (!gateway->stopping)
        s_turn(gateway);
    s_notify("STOPPING=1");
}

bool gateway_check(const gateway_config_t *config, zr_error_t *error) {
    bool ok = listener_check(&config->http, error);
    return web_check(config, error) && ok;
}
