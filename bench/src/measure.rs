//! How times are taken: the fastest of many batches, so that a busy neighbour does not count.

use std::time::{Duration, Instant};

const BATCHES: u32 = 30;
const BATCH_TIME: Duration = Duration::from_millis(20);

/// Nanoseconds that one call of `work` takes, on one core.
pub(crate) fn nanos(mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    work();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let calls = (BATCH_TIME.as_nanos() / once.as_nanos()).clamp(1, 100_000);
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..calls {
            work();
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = start.elapsed().as_nanos() as f64 / calls as f64;
        each
    };
    (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

/// The same in CPU time of this thread, for work of microseconds: what a busy neighbour takes away is not counted.
pub(crate) fn cpu_nanos(mut work: impl FnMut()) -> f64 {
    const BATCHES: u32 = 300;
    work();
    let start = cpu();
    work();
    let once = (cpu() - start).max(Duration::from_nanos(50));
    // As short as a look at the clock allows, so that some of them run undisturbed.
    let calls = (Duration::from_micros(500).as_nanos() / once.as_nanos()).clamp(1, 100_000);
    let batch = |_| {
        let start = cpu();
        for _ in 0..calls {
            work();
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = (cpu() - start).as_nanos() as f64 / calls as f64;
        each
    };
    (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

/// CPU time of this thread so far.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
