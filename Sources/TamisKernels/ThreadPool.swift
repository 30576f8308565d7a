import CTamisKernels
import Glibc
import Synchronization

/// The process's one pool of worker threads. A region of work is cut in tiles. Each thread begins with a share of its own,
/// so that what it wrote in the region before, it mostly reads in this one; who is done takes from the others' shares. What
/// a tile computes never depends on who takes it.
///
/// One region runs at a time: a caller that finds the pool busy runs its own tiles in its own thread, so sessions side by
/// side do not wait for each other. Workers spin for some tens of microseconds after a region, then sleep. A worker that
/// wakes too late for a region does not join it, and nobody waits for it.
public final class ThreadPool: @unchecked Sendable {
    /// The pool of this process.
    public static let shared = ThreadPool()

    /// The most threads one region can use, the caller's included.
    public static let maximumThreads = 64

    /// The tiles `tiles` of a region, done by the participant `worker` (0 is the caller).
    public typealias Body =
        @convention(c) (_ context: UnsafeRawPointer, _ worker: Int, _ lower: Int, _ upper: Int) -> Void

    // The region that is open, written by its caller before `gate` opens.
    private var body: Body?
    private var context: UnsafeRawPointer?
    private var tiles = 0
    private var grain = 1
    private var participants = 1

    /// Whether some caller holds the pool.
    private let isBusy = Atomic<Bool>(false)
    /// 2 × (number of the region) + (1 while workers may join), above; workers inside, in the low 16 bits.
    private let gate = Atomic<Int>(0)
    /// What is left of each participant's share, in grains: the first, and above it in 32 bits the one after the last.
    private let shares = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: maximumThreads * shareDistance)

    private let sleepers = Atomic<Int>(0)
    private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let workers = Atomic<Int>(0)

    private static let insideMask = 0xffff
    private static let joinable = 0x10000
    private static let regionStep = 0x20000
    /// Shares stand two lines of the cache apart.
    private static let shareDistance = 16

    private init() {
        for worker in 0..<Self.maximumThreads {
            (shares + worker * Self.shareDistance).initialize(to: Atomic(0))
        }
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    /// Runs `body` over `0 ..< tiles` on at most `threads` threads, the caller's among them, and returns when all is done.
    public func run(tiles: Int, threads: Int, context: UnsafeRawPointer, body: Body) {
        let threads = min(threads, tiles, Self.maximumThreads)
        guard threads > 1, isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            if tiles > 0 { body(context, 0, 0, tiles) }
            return
        }
        grow(to: threads - 1)
        self.body = body
        self.context = context
        self.tiles = tiles
        self.participants = threads
        grain = max(1, tiles / (threads * 8))
        let grains = (tiles + grain - 1) / grain
        for worker in 0..<threads {
            let share = Share(first: worker * grains / threads, end: (worker + 1) * grains / threads)
            shares[worker * Self.shareDistance].store(share.bits, ordering: .relaxed)
        }
        gate.add(Self.joinable, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(mutex)
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        takeTiles(worker: 0)
        // Closing the gate also counts the region: the low bits of `joinable` carry over into the region's number.
        gate.add(Self.joinable, ordering: .acquiringAndReleasing)
        var spins = 0
        while gate.load(ordering: .acquiring) & Self.insideMask != 0 {
            tamis_pause()
            spins += 1
            if spins > 4096 { sched_yield() }
        }
        isBusy.store(false, ordering: .releasing)
    }

    /// Grains that nobody has taken yet.
    private struct Share {
        var first: Int
        var end: Int

        init(first: Int, end: Int) {
            self.first = first
            self.end = end
        }

        init(bits: UInt64) {
            first = Int(bits & 0xffff_ffff)
            end = Int(bits >> 32)
        }

        var bits: UInt64 { UInt64(end) << 32 | UInt64(first) }
    }

    private func takeTiles(worker: Int) {
        guard let body, let context else { return }
        // Half of what is left of its own share at a time, then single grains from the ends of the others'.
        for place in 0..<participants {
            let owner = (worker + place) % participants
            while let grains = take(fromShareOf: owner, asOwner: place == 0) {
                body(context, worker, grains.lowerBound * grain, min(grains.upperBound * grain, tiles))
            }
        }
    }

    private func take(fromShareOf owner: Int, asOwner: Bool) -> Range<Int>? {
        let index = owner * Self.shareDistance
        var bits = shares[index].load(ordering: .relaxed)
        while true {
            var share = Share(bits: bits)
            guard share.first < share.end else { return nil }
            let taken: Range<Int>
            if asOwner {
                taken = share.first..<share.first + (share.end - share.first + 1) / 2
                share.first = taken.upperBound
            } else {
                taken = share.end - 1..<share.end
                share.end -= 1
            }
            let (exchanged, original) = shares[index].compareExchange(
                expected: bits, desired: share.bits, ordering: .relaxed)
            if exchanged { return taken }
            bits = original
        }
    }

    private func grow(to count: Int) {
        while workers.load(ordering: .relaxed) < count {
            // Fewer workers than asked for: the region is done by those there are.
            guard BLAS.canServeAnotherThread else { return }
            let start = WorkerStart(pool: self, worker: workers.load(ordering: .relaxed) + 1)
            let argument = Unmanaged.passRetained(start)
            var thread = pthread_t()
            let created = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    let start = Unmanaged<WorkerStart>.fromOpaque(argument).takeRetainedValue()
                    start.pool.serve(worker: start.worker)
                    return nil
                }, argument.toOpaque())
            // Fewer workers than asked for: the region is done by those there are.
            guard created == 0 else {
                argument.release()
                return
            }
            pthread_detach(thread)
            workers.add(1, ordering: .relaxed)
        }
    }

    private final class WorkerStart {
        let pool: ThreadPool
        let worker: Int
        init(pool: ThreadPool, worker: Int) {
            self.pool = pool
            self.worker = worker
        }
    }

    /// The life of a worker: wait for a region, join it while its gate is open, take tiles, leave.
    private func serve(worker: Int) {
        // The process's signals are for its own threads.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        BLAS.useCallingThread()
        // Now, and not in the midst of somebody's run.
        _ = ThreadMemory.current(0)
        var served = -1
        while true {
            let open = waitForRegion(after: served)
            var state = open
            // `participants` may be read only inside: until then the caller may be writing the next region.
            while state / Self.regionStep == open / Self.regionStep, state & Self.joinable != 0 {
                let (exchanged, original) = gate.compareExchange(
                    expected: state, desired: state + 1, ordering: .acquiringAndReleasing)
                state = original
                if exchanged {
                    if worker < participants { takeTiles(worker: worker) }
                    gate.subtract(1, ordering: .acquiringAndReleasing)
                    break
                }
            }
            served = open / Self.regionStep
        }
    }

    /// The state of the gate when it is next open for another region than `served`.
    private func waitForRegion(after served: Int) -> Int {
        let spinLimit = workers.load(ordering: .relaxed) < Processor.availableCount ? 2000 : 0
        var spins = 0
        while true {
            let state = gate.load(ordering: .acquiring)
            if state & Self.joinable != 0, state / Self.regionStep != served { return state }
            if spins < spinLimit {
                spins += 1
                tamis_pause()
                continue
            }
            sleepers.add(1, ordering: .sequentiallyConsistent)
            pthread_mutex_lock(mutex)
            while true {
                let state = gate.load(ordering: .sequentiallyConsistent)
                if state & Self.joinable != 0, state / Self.regionStep != served { break }
                pthread_cond_wait(condition, mutex)
            }
            pthread_mutex_unlock(mutex)
            sleepers.subtract(1, ordering: .sequentiallyConsistent)
        }
    }
}
