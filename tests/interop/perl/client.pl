#!/usr/bin/perl
# A zrelay client for one room, written with ZMQ::FFI from common/PROTOCOL.md alone.
# Commands are lines on stdin, events are JSON lines on stdout: see ../README.md.
use v5.24;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';
use Encode qw(decode encode);
use Getopt::Long;
use JSON::PP;
use List::Util qw(max min);
use Time::HiRes qw(time);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_SUB ZMQ_SNDHWM);

use constant SYNC_PATIENCE => 2;    # seconds until another nonce is tried
use constant GRACE  => 0.25;        # seconds that live frames may come later than the pong that names them
use constant REPLAY => 0x01;        # flag of a DELIVER frame

STDOUT->autoflush(1);
my $json = JSON::PP->new->utf8;
GetOptions('server=s' => \my $server, 'room=s' => \my $room, 'nick=s' => \my $nick) or exit 1;
my ($entry_topic, $presence_topic) = ("$room\x00", "$room\x01");    # bytes, as the frames are
my ($room_text, $nick_text) = map { decode('UTF-8', $_) } $room, $nick;

my $context = ZMQ::FFI->new;
my ($front, $sub, $nonce);
my $client_id = random_hex(16);    # stays the same over all connections of this run
my ($token, $epoch, $heartbeat, $attempts) = ('', '', 5, 0);
my $state = 'greeting';            # then syncing, live; leaving
my $last = 0;                      # seq up to which we have the room's entries
my $head = 0;                      # newest seq we heard of since the last replay was asked for
my ($mid, %unacked) = (0);         # message id: its frame
my ($sent, $under_way, $window) = (0, 0, 0);    # last id sent in this session; bytes of those unanswered, now and at most
my ($version, %present) = (0);
my $asked;                         # while `who` is under way: the nicks so far, and the presence frames that came meanwhile
my ($replaying, $gap, $ready, $deaf, $closing, $done);
my ($back, $nonces) = ('', 0);
my $status = 0;
my %timers;                        # name: [when, what to do]

sub tell_event ($event, %members) {
    say $json->encode({ event => $event, %members });
}

sub random_hex ($bytes) {
    open my $source, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read $source, my ($random), $bytes;
    return unpack 'H*', $random;
}

sub after ($seconds, $name, $action) {
    $timers{$name} = [time + $seconds, $action];
}

sub ask ($op, %members) {
    $front->send($json->encode({ op => $op, id => $op, %members }));
}

# The session

# New sockets: at the start, and when nothing was heard for three heartbeats.
sub reconnect () {
    for (grep { defined } $front, $sub) {
        $_->set_linger(0);
        $_->close;
    }
    undef $sub;
    $front = $context->socket(ZMQ_DEALER);
    $front->set_linger(1000);
    $front->set(ZMQ_SNDHWM, 'int', 0);
    $front->connect($server);
    greet();
    after(3 * $heartbeat, silence => \&silence);
}

# Once more: a process that was stopped finds what came meanwhile a moment after it goes on.
sub silence () {
    after(0.1, silent => \&silent);
}

sub silent () {
    tell_event('silence');
    reconnect();
}

sub greet () {
    ($state, $ready) = ('greeting', 0);
    delete @timers{qw(ping sync check_tail join replay who)};
    ask('hello', proto => 1, client => $client_id, nick => $nick_text, agent => 'interop', $token ? (resume => $token) : ());
    after($heartbeat + back_off(), greet => \&greet);
}

sub back_off () {
    return rand min(10, 0.1 * 2**$attempts++);
}

sub welcome ($m) {
    ($token, $heartbeat, $window, $back) = ($m->{resume}, $m->{heartbeat} / 1000, $m->{limits}{window}, $m->{back});
    return if $state ne 'greeting';    # the answer to a hello that was sent twice
    delete $timers{greet};
    ($state, $attempts, $replaying, $asked) = ('syncing', 0, 0, undef);
    ($sent, $under_way) = (0, 0);
    if ($m->{epoch} ne $epoch) {
        tell_event('epoch', old => $epoch, new => $m->{epoch}) if $epoch;
        ($epoch, $last, $head) = ($m->{epoch}, 0, 0);
    }
    listen_to_back();
    after($heartbeat, ping => \&ping);
}

# A new SUB for each session: the old one may hold frames of another epoch. Also when this one seems dead.
sub listen_to_back () {
    $sub->close if $sub;
    $sub = $context->socket(ZMQ_SUB);
    $sub->set(ZMQ_SNDHWM, 'int', 0);
    $sub->connect($back);
    if (!$deaf) { $sub->subscribe($_) for $entry_topic, $presence_topic }
    ($nonce, $nonces) = (undef, 0);
    sync();
}

sub sync () {
    return listen_to_back() if $nonces++ == 2;
    $sub->unsubscribe($nonce) if $nonce;
    $nonce = "\xff" . random_hex(8);
    $sub->subscribe($nonce);
    after(SYNC_PATIENCE, sync => \&sync);
}

sub synced ($m) {
    delete $timers{sync};
    $nonces = 0;
    if ($m->{epoch} ne $epoch) {
        greet();
    } elsif ($state eq 'syncing') {
        $state = 'live';
        join_room();
        send_entries();
    } elsif ($state eq 'live') {    # SUB reconnected: what did it miss?
        ask('ping');
        ask_who();
    }
}

sub join_room () {
    ask('join', room => $room_text, after => $last);
}

sub left ($m) {
    tell_event('left', reason => $m->{reason}, seq => $m->{seq});
    $replaying = 0;
}

sub joined ($m) {
    if (!$m->{recovered}) {
        tell_event('lost', after => $last, oldest => $m->{oldest});
        $last = $m->{oldest};
    }
    ask_who();
    replay();
}

sub ping () {
    ask('ping');
    after($heartbeat, ping => \&ping);
}

sub pong ($m) {
    my $newest = $m->{heads}{$room_text} // 0;
    return if $newest <= $last;
    $head = max($head, $newest);
    after(GRACE, check_tail => \&check_tail);
}

sub check_tail () {
    return if $head <= $last;
    missed($head, head => $head);
    sync() if !$timers{sync};    # is the SUB dead?
}

sub bye ($m) {
    if ($m->{reason} =~ /^(revoked|banned|kicked|flooding)$/) {
        tell_event('error', code => $m->{reason}, text => 'the broker ended the session');
        $status = 1;
        return leave();
    }
    $state = 'greeting';
    after($m->{reason} =~ /^(shutdown|replaced)$/ ? back_off() : 0, greet => \&greet);
}

sub error ($m) {
    my $answers = $m->{re} // '';
    if ($m->{code} eq 'no-session') {
        greet() if $state ne 'greeting';
        return;
    }
    return wait_for_broker($m) if $m->{code} =~ /^(rate-limited|too-many-replays)$/;
    tell_event('error', code => $m->{code}, text => $m->{text});
    if ($m->{mid}) {
        $status = 1;
        answered($_) for $m->{mid} .. $m->{upto} // $m->{mid};
        send_entries();
    }
    $replaying = 0 if $answers eq 'replay';
    ($asked, $version) = (undef, 0) if $answers eq 'who';
    if ($answers =~ /^(hello|join)$/ && $m->{code} ne 'too-many-sessions') {
        $status = 1;
        leave();
    }
}

my %again = (hello => \&greet, join => \&join_room, replay => \&replay, who => sub { undef $asked; ask_who() });

sub wait_for_broker ($m) {
    if (!defined $m->{re}) {
        after($m->{wait} / 1000, send_entries => \&send_entries);
    } elsif (my $action = $again{ $m->{re} }) {
        after(($m->{wait} // 100) / 1000, $m->{re} eq 'hello' ? 'greet' : $m->{re}, $action);
    }
}

# Reading

my %answers = (
    welcome => \&welcome, joined => \&joined, replayed => \&replayed, who => \&who,
    pong => \&pong, left => \&left, bye => \&bye, error => \&error, ok => sub ($m) { leave() if ($m->{re} // '') eq 'bye' },
);

sub from_front ($frame) {
    delete $timers{silent};
    after(3 * $heartbeat, silence => \&silence);
    my $type = ord $frame;
    if ($type == 0x7b) {
        my $m = $json->decode($frame);
        my $handler = $answers{ $m->{op} };
        $handler->($m) if $handler;
    } elsif ($type == 0x02) {
        ack(unpack 'x2 Q>', $frame);
    } else {
        from_room($frame);
    }
}

sub from_back ($frame) {
    return if $state eq 'greeting';    # SUB may have found another broker before us: maybe positions of another epoch
    if (ord $frame == 0xff) {
        synced($json->decode(substr $frame, length $nonce)) if index($frame, $nonce) == 0;
    } else {
        from_room($frame);
    }
}

sub from_room ($frame) {    # on either socket: what happens in a private room comes over the DEALER
    if (index($frame, $entry_topic) == 0) {
        deliver($frame);
    } elsif (index($frame, $presence_topic) == 0) {
        presence($json->decode(substr $frame, length $presence_topic));
    }
}

# seq, time, flags, sender, key, body of each entry. The flag TTL adds 8 bytes behind the key.
sub entries ($bytes) {
    my @fields;
    while (length $bytes) {
        my ($seq, $time, $flags, $sender, $key, $rest) = unpack 'Q> Q> C C/a C/a a*', $bytes;
        (my $body, $bytes) = unpack 'N/a a*', substr $rest, $flags & 0x08;
        push @fields, $seq, $time, $flags, $sender, $key, $body;
    }
    return @fields;
}

sub deliver ($frame) {
    my (undef, $flags, $log, $prev, $entries) = unpack 'C C H16 Q> a*', substr $frame, length $entry_topic;
    return if $log ne $epoch;    # of another log: its positions could seem to fit
    my @fields = entries($entries);
    return missed($fields[-6], prev => $prev) if $prev > $last && !($flags & REPLAY);
    while (my ($seq, $time, undef, $sender, $key, $body) = splice @fields, 0, 6) {
        next if $seq <= $last;
        $last = $seq;
        tell_event('entry', seq => $seq, sender => decode('UTF-8', $sender), body => decode('UTF-8', $body));
    }
}

sub missed ($newest, %how) {
    $head = max($head, $newest);
    return if $replaying;
    $gap = 1;
    tell_event('gap', after => $last, %how);
    replay();
}

sub replay () {
    ($replaying, $head) = (1, 0);
    ask('replay', room => $room_text, after => $last);
}

sub replayed ($m) {
    tell_event('lost', after => $last, reached => $m->{seq}) if !$m->{complete};
    ($replaying, $last) = (0, max($last, $m->{seq}));
    return replay() if $m->{more} || $head > $last;    # another slice, or live frames were dropped meanwhile
    tell_event('repaired', seq => $last) if $gap;
    tell_event('ready', seq => $last, epoch => $epoch) if !$ready;
    ($gap, $ready) = (0, 1);
}

sub presence ($m) {
    if ($asked) {
        push @{ $asked->{frames} }, $m;
    } elsif ($m->{version} > $version + 1) {
        ask_who();
    } elsif ($m->{version} > $version) {
        $version = $m->{version};
        my %now = %present;
        delete $now{ $_->{nick} } for @{ $m->{left} };
        $now{ $_->{nick} } = 1    for @{ $m->{joined} };
        tell_presence($m->{count}, %now);
    }
}

sub ask_who () {
    return if $asked;
    $asked = { nicks => {}, frames => [] };
    ask('who', room => $room_text);
}

sub who ($m) {
    $asked->{nicks}{ $_->{nick} } = 1 for @{ $m->{users} };
    $asked->{version} //= $m->{version};    # of the first page: later changes come in frames
    return ask('who', room => $room_text, after => $m->{users}[-1]{nick}) if $m->{more};
    my $answer = $asked;
    ($asked, $version) = (undef, $answer->{version});
    tell_presence($m->{count}, %{ $answer->{nicks} });
    presence($_) for @{ $answer->{frames} };
}

sub tell_presence ($count, %now) {
    my @joined = grep { !$present{$_} } sort keys %now;
    my @left   = grep { !$now{$_} } sort keys %present;
    %present = %now;
    tell_event('presence', joined => \@joined, left => \@left, count => $count) if @joined || @left;
}

# Publishing

sub publish ($text) {
    $mid++;
    $unacked{$mid} = pack 'C C/a* Q> C C/a* N/a*', 0x01, $room, $mid, 0, '', $text;    # neither flags nor key
    send_entries();
}

# As many as the window has room for; none while the broker wants a pause.
sub send_entries () {
    return quit() if $closing && !%unacked;
    return if $state ne 'live' || $timers{send_entries};
    for my $id (sort { $a <=> $b } grep { $_ > $sent } keys %unacked) {
        my $size = length $unacked{$id};
        return if $under_way && $under_way + $size > $window;
        $front->send($unacked{$id});
        $sent = $id;
        $under_way += $size;
    }
}

sub answered ($id) {
    my $frame = delete $unacked{$id} // '';
    $under_way -= length $frame if $id <= $sent;
}

sub ack ($newest) {
    for my $id (sort { $a <=> $b } grep { $_ <= $newest } keys %unacked) {
        answered($id);
        tell_event('acked', mid => $id + 0);
    }
    send_entries();
}

# Commands

my %commands = (
    publish => \&publish,
    deafen => sub ($) {
        $deaf = 1;
        $sub->unsubscribe($_) for $entry_topic, $presence_topic;
        tell_event('deaf');
    },
    undeafen => sub ($) {
        $deaf = 0;
        $sub->subscribe($_) for $entry_topic, $presence_topic;
        tell_event('hearing');
    },
    quit => sub ($) { quit() },
);

sub quit () {
    return if $state eq 'leaving';
    return leave() if $state ne 'live';
    $state = 'leaving';
    ask('bye');
    after(1, leave => \&leave);
}

sub leave () {
    tell_event('bye') if !$done;
    $done = 1;
}

sub read_commands () {
    state $typed = '';
    my $size = sysread STDIN, $typed, 65536, length $typed;
    while ($typed =~ s/^(\w+) ?([^\n]*)\n//) { $commands{$1}->($2) }
    return if $size;
    $closing = 1;
    send_entries();
}

sub run_timers () {
    for my $name (keys %timers) {
        next if !$timers{$name} || $timers{$name}[0] > time;
        (delete $timers{$name})->[1]->();
    }
}

# The descriptor of a ZeroMQ socket says only that something changed: look at the sockets first, and sleep
# only when neither has anything left.
sub sleep_until_something_happens () {
    my $ready = '';
    vec($ready, $_, 1) = 1 for $closing ? () : fileno(STDIN), map { $_->get_fd } grep { defined } $front, $sub;
    my $wait = min(map { $_->[0] } values %timers) - time;
    select $ready, undef, undef, max(0, $wait);
    read_commands() if !$closing && vec($ready, fileno(STDIN), 1);
}

reconnect();
until ($done) {
    run_timers();
    if    ($front->has_pollin)         { from_front($front->recv) }
    elsif ($sub && $sub->has_pollin)   { from_back($sub->recv) }
    else                               { sleep_until_something_happens() }
}
$sub->close if $sub;
$front->close;
exit $status;
