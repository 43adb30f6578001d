//! Whether reused buffers gain: each kind beside plain allocation (R-D10).
//! A kind is used in the gateway only where it gains here.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use tidegate_kernel::{Clock, Reuse, ReuseSettings};

const SIZES: [usize; 5] = [4 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];
// Each drops what it made within its time: the bench would drop it after.

/// What a connection reads at once.
const PIECE: [u8; 8 << 10] = [b'x'; 8 << 10];
/// What is merged into one frame.
const EVENT: [u8; 256] = [b'x'; 256];
const FRAME: usize = 16 << 10;

fn shelf(capacity: usize) -> Reuse<Vec<u8>> {
    let settings = ReuseSettings {
        items: 64,
        item_bytes: 2 << 20,
        warn_below_percent: 85,
        judged: 1000,
    };
    Reuse::new(settings, Clock, move || Vec::with_capacity(capacity))
}

/// Adds pieces until there are `size` bytes.
fn fill(size: usize, piece: &[u8], mut add: impl FnMut(&[u8])) {
    let mut left = size;
    while left > 0 {
        let some = piece.len().min(left);
        add(black_box(&piece[..some]));
        left -= some;
    }
}

#[divan::bench(args = SIZES)]
fn body_bytes_mut(size: usize) {
    let mut body = BytesMut::with_capacity(size);
    fill(size, &PIECE, |piece| body.extend_from_slice(piece));
    drop(black_box(body.freeze()));
}

#[divan::bench(args = SIZES)]
fn body_bytes_mut_of_unknown_size(size: usize) {
    let mut body = BytesMut::new();
    fill(size, &PIECE, |piece| body.extend_from_slice(piece));
    drop(black_box(body.freeze()));
}

#[divan::bench(args = SIZES)]
fn body_vec(size: usize) {
    let mut body = Vec::with_capacity(size);
    fill(size, &PIECE, |piece| body.extend_from_slice(piece));
    drop(black_box(Bytes::from(body)));
}

#[divan::bench(args = SIZES)]
fn body_reused(bencher: divan::Bencher<'_, '_>, size: usize) {
    let shelf = shelf(size);
    bencher.bench(|| {
        let mut body = shelf.take();
        fill(size, &PIECE, |piece| body.extend_from_slice(piece));
        drop(black_box(Bytes::from_owner(body)));
    });
}

/// Many bodies at once, all gone before the next ones come: what the allocator
/// gives back to the system in between must be fetched again.
#[divan::bench(args = SIZES)]
fn sixteen_bodies_vec(size: usize) {
    let bodies = [(); 16].map(|()| {
        let mut body = Vec::with_capacity(size);
        fill(size, &PIECE, |piece| body.extend_from_slice(piece));
        body
    });
    drop(black_box(bodies));
}

#[divan::bench(args = SIZES)]
fn sixteen_bodies_reused(bencher: divan::Bencher<'_, '_>, size: usize) {
    let shelf = shelf(size);
    bencher.bench(|| {
        let bodies = [(); 16].map(|()| {
            let mut body = shelf.take();
            fill(size, &PIECE, |piece| body.extend_from_slice(piece));
            body
        });
        drop(black_box(bodies));
    });
}

#[divan::bench(threads = [1, 2])]
fn frame_bytes_mut() {
    let mut frame = BytesMut::with_capacity(FRAME);
    fill(FRAME, &EVENT, |event| frame.extend_from_slice(event));
    drop(black_box(frame.freeze()));
}

/// One buffer a stream; each frame is gone before the next one comes.
#[divan::bench]
fn frame_split_from_one_bytes_mut(bencher: divan::Bencher<'_, '_>) {
    let mut buffer = BytesMut::with_capacity(FRAME);
    bencher.bench_local(move || {
        buffer.reserve(FRAME);
        fill(FRAME, &EVENT, |event| buffer.extend_from_slice(event));
        drop(black_box(buffer.split().freeze()));
    });
}

#[divan::bench(threads = [1, 2])]
fn frame_reused(bencher: divan::Bencher<'_, '_>) {
    let shelf = shelf(FRAME);
    bencher.bench(|| {
        let mut frame = shelf.take();
        fill(FRAME, &EVENT, |event| frame.extend_from_slice(event));
        drop(black_box(Bytes::from_owner(frame)));
    });
}

#[divan::bench]
fn scan_vec_that_grows() {
    let mut buffer = Vec::new();
    fill(2 << 10, &EVENT, |event| buffer.extend_from_slice(event));
    drop(black_box(buffer));
}

#[divan::bench]
fn scan_vec_of_16_kib() {
    let mut buffer = Vec::with_capacity(FRAME);
    fill(2 << 10, &EVENT, |event| buffer.extend_from_slice(event));
    drop(black_box(buffer));
}

#[divan::bench]
fn scan_reused(bencher: divan::Bencher<'_, '_>) {
    let shelf = shelf(FRAME);
    bencher.bench(|| {
        let mut buffer = shelf.take();
        fill(2 << 10, &EVENT, |event| buffer.extend_from_slice(event));
        drop(black_box(buffer));
    });
}

#[divan::bench(threads = [1, 2])]
fn reuse_take_and_drop(bencher: divan::Bencher<'_, '_>) {
    let shelf = shelf(FRAME);
    bencher.bench(|| drop(black_box(shelf.take())));
}

#[divan::bench(threads = [1, 2])]
fn plain_vec_of_16_kib_and_drop() {
    drop(black_box(Vec::<u8>::with_capacity(FRAME)));
}
