//! The promises of the log's buffer, with a reader who takes a batch only when
//! the test allows it one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tidegate_kernel::{Counter, Gauge};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A reader who takes a batch only when it is allowed one.
struct Held {
    allowed: Receiver<()>,
    read: SyncSender<String>,
}

impl Write for Held {
    fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
        self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        let text = String::from_utf8_lossy(batch).into_owned();
        self.read
            .send(text)
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(batch.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Scene {
    sink: Sink,
    allow: SyncSender<()>,
    read: Receiver<String>,
    told: Receiver<u64>,
}

fn scene(room: usize) -> Scene {
    let (allow, allowed) = sync_channel(100);
    let (sent, read) = sync_channel(100);
    let (tell, told) = sync_channel(100);
    let held = Held {
        allowed,
        read: sent,
    };
    let sink = Sink::start(held, room, move |dropped| tell.send(dropped).unwrap()).unwrap();
    Scene {
        sink,
        allow,
        read,
        told,
    }
}

impl Scene {
    fn log(&self, line: &str) {
        (&self.sink).write_all(line.as_bytes()).unwrap();
    }

    /// Logs a line and waits until the thread is stuck with it.
    fn occupy(&self) {
        self.log("first\n");
        while !self.sink.0.lock().writing {
            thread::yield_now();
        }
    }

    fn numbers(&self) -> [(&'static str, u64); 2] {
        let mut numbers = Numbers(Vec::new());
        self.sink.observe(&[], &mut numbers);
        numbers.0.try_into().unwrap()
    }

    fn next(&self) -> String {
        self.allow.send(()).unwrap();
        self.read.recv_timeout(SOON).unwrap()
    }
}

#[test]
fn p1_p2_a_reader_who_stands_still_costs_lines_and_no_time() {
    let scene = scene(64);
    scene.occupy();
    for number in 0..1_000 {
        scene.log(&format!("line {number}\n"));
    }
    assert_eq!(scene.next(), "first\n");
    let kept = scene.next();
    assert!(kept.len() <= 64, "{}", kept.len());
    let lines: Vec<_> = kept.lines().collect();
    let expected: Vec<_> = (0..lines.len()).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected, "the oldest, whole and in order");
    let dropped = scene.told.recv_timeout(SOON).unwrap();
    assert_eq!(dropped as usize + lines.len(), 1_000);
    assert!(scene.told.try_recv().is_err(), "told once");
    // R-S20: and counted for ever.
    assert_eq!(scene.numbers(), [("waiting", 0), ("dropped", dropped)]);
    scene.log("one more\n");
    scene.next();
    assert_eq!(scene.numbers(), [("waiting", 0), ("dropped", dropped)]);
}

/// Numbers as `/metrics` gets them.
struct Numbers(Vec<(&'static str, u64)>);

impl Visitor for Numbers {
    fn counter(&mut self, _: Counter, _: &Labels<'_>, value: u64) {
        self.0.push(("dropped", value));
    }

    fn gauge(&mut self, _: Gauge, _: &Labels<'_>, value: f64) {
        self.0.push(("waiting", value as u64));
    }
}

#[test]
fn p2_there_is_room_again_afterwards() {
    let scene = scene(16);
    scene.occupy();
    scene.log("a line that is too long for the room\n");
    assert_eq!(scene.next(), "first\n");
    assert_eq!(scene.told.recv_timeout(SOON).unwrap(), 1);
    scene.log("again\n");
    assert_eq!(scene.next(), "again\n");
}

#[test]
fn p4_a_flush_writes_what_waits_or_gives_up() {
    let scene = scene(ROOM);
    scene.occupy();
    scene.sink.flush(Duration::from_millis(10));
    assert!(scene.read.try_recv().is_err(), "nothing was allowed yet");
    scene.log("second\n");
    scene.allow.send(()).unwrap();
    scene.allow.send(()).unwrap();
    scene.sink.flush(SOON);
    assert_eq!(scene.read.try_recv().unwrap(), "first\n");
    assert_eq!(scene.read.try_recv().unwrap(), "second\n");
}

#[test]
fn a_reader_who_is_gone_ends_nothing() {
    let Scene { sink, allow, .. } = scene(ROOM);
    drop(allow);
    for _ in 0..3 {
        (&sink).write_all(b"to nobody\n").unwrap();
        sink.flush(SOON);
        assert!(sink.0.lock().is_empty(), "it is let go");
    }
}

/// A disk with so many bytes of room.
#[derive(Clone)]
struct Disk(Arc<Mutex<(usize, String)>>);

impl Write for Disk {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let taken = disk.0.min(lines.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.0 -= taken;
        disk.1.push_str(&String::from_utf8_lossy(&lines[..taken]));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn p2_p3_what_a_full_disk_refuses_is_counted_and_told_when_it_has_room() {
    let disk = Disk(Arc::new(Mutex::new((9, String::new()))));
    let (tell, told) = sync_channel(100);
    let tell = move |dropped| tell.send(dropped).unwrap();
    let sink = Sink::start(disk.clone(), 1_000, tell).unwrap();
    let log = |line: &str| {
        (&sink).write_all(line.as_bytes()).unwrap();
        sink.flush(SOON);
    };
    log("whole\n");
    log("torn by it\n");
    log("refused\n");
    assert_eq!(sink.0.lock().dropped_ever, 2);
    assert!(told.try_recv().is_err(), "while there is no room");
    disk.0.lock().unwrap().0 = 1_000;
    log("again\n");
    assert_eq!(told.recv_timeout(SOON).unwrap(), 2);
    assert_eq!(disk.0.lock().unwrap().1, "whole\ntor\nagain\n");
}
