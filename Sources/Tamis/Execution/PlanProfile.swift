/// Where the time of a plan's runs goes, line by line.
public struct PlanProfile: Sendable {
    /// A line of the plan, and how long it takes.
    public struct Line: Sendable {
        /// What is done.
        public let line: Plan.Line
        /// The median over all runs, in seconds.
        public let seconds: Double
        /// The fastest of the other algorithms that were tried; nil where none was.
        public internal(set) var runnerUp: RunnerUp?

        /// Float operations for each byte of operands and results.
        public var operationsPerByte: Double {
            line.movedBytes > 0 ? line.operations / Double(line.movedBytes) : 0
        }
        /// Float operations, in 10⁹ a second.
        public var gigaflops: Double { PlanProfile.billions(line.operations, in: seconds) }
        /// Bytes of operands and results, in 10⁹ a second.
        public var gigabytesPerSecond: Double { PlanProfile.billions(Double(line.movedBytes), in: seconds) }
    }

    /// Another algorithm for a line, and how long it takes.
    public struct RunnerUp: Sendable {
        /// The algorithm in words.
        public let algorithm: String
        /// The median over all runs, in seconds.
        public let seconds: Double
    }

    /// The lines in the order they run.
    public private(set) var lines: [Line]
    /// The runs that were measured.
    public let runs: Int

    /// The sum of all lines, in seconds.
    public var seconds: Double { lines.reduce(0) { $0 + $1.seconds } }
    /// The float operations of all lines, in 10⁹ a second.
    public var gigaflops: Double {
        Self.billions(lines.reduce(0) { $0 + $1.line.operations }, in: seconds)
    }

    /// 10⁹ of something a second; 0 in no time.
    package static func billions(_ count: Double, in seconds: Double) -> Double {
        seconds > 0 ? count / seconds / 1e9 : 0
    }

    /// Says for each line what the fastest other algorithm takes, by the profile of a plan of the same model that is held to
    /// other algorithms (`PlanOptions.convolution`).
    public mutating func compare(with other: PlanProfile) {
        let others = Dictionary(grouping: other.lines) { [$0.line.node, $0.line.operatorName] }
        for index in lines.indices {
            let line = lines[index]
            for same in others[[line.line.node, line.line.operatorName]] ?? []
            where same.line.algorithm != line.line.algorithm && same.seconds < line.runnerUp?.seconds ?? .infinity {
                lines[index].runnerUp = RunnerUp(algorithm: same.line.algorithm, seconds: same.seconds)
            }
        }
    }

    /// One run as Chrome's trace events, which chrome://tracing and Perfetto draw (Trace Event Format, Google 2016): the
    /// lines one after the other, in microseconds.
    public var traceEvents: [TraceEvent] {
        var events: [TraceEvent] = []
        var begin = 0.0
        for line in lines {
            events.append(
                TraceEvent(
                    name: line.line.node, cat: line.line.operatorName, ph: "X", ts: begin, dur: 1e6 * line.seconds,
                    pid: 1, tid: 1, args: ["algorithm": line.line.algorithm]))
            begin += 1e6 * line.seconds
        }
        return events
    }

    /// A stretch of time in a trace, with the names of the format.
    public struct TraceEvent: Encodable, Sendable {
        let name: String
        let cat: String
        let ph: String
        let ts: Double
        let dur: Double
        let pid: Int
        let tid: Int
        let args: [String: String]
    }
}

extension Session {
    /// Runs the plan once to warm up, then as long as `duration`, at least `runs` times, and tells how long each line took.
    public func profile(
        _ inputs: [String: Tensor], for duration: Duration, atLeast runs: Int = 5
    ) throws(ExecutionError) -> PlanProfile {
        var outputs: [String: Tensor] = [:]
        try run(inputs, into: &outputs)
        var times = Array(repeating: [Double](), count: plan.steps.count)
        let end = ContinuousClock.now + duration
        var count = 0
        while count < runs || (ContinuousClock.now < end && count < 10_000) {
            var steps: [ContinuousClock.Instant] = []
            steps.reserveCapacity(plan.steps.count + 1)
            try run(inputs, into: &outputs, betweenSteps: { steps.append(.now) })
            for index in times.indices { times[index].append((steps[index + 1] - steps[index]).seconds) }
            count += 1
        }
        let lines = zip(plan.lines, times).map {
            PlanProfile.Line(line: $0, seconds: $1.sorted()[$1.count / 2], runnerUp: nil)
        }
        return PlanProfile(lines: lines, runs: count)
    }
}
