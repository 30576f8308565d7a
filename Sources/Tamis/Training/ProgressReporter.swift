import Glibc

/// Shows a training's course on standard error as Keras does: a bar that moves on a terminal, a line an epoch elsewhere.
///
///     let reporter = ProgressReporter()
///     try network.fit(data, epochs: 5) { reporter.report($0) }
public final class ProgressReporter {
    /// What the course is written to.
    public struct Target: Sendable {
        /// Whether lines can be drawn over.
        public var isTerminal: Bool
        /// Whether it shows colours.
        public var hasColor: Bool
        /// How many characters a line has; nil where nobody knows.
        public var columns: Int?

        public init(isTerminal: Bool, hasColor: Bool = false, columns: Int? = nil) {
            self.isTerminal = isTerminal
            self.hasColor = hasColor
            self.columns = columns
        }

        /// What standard error is. Colours are left out where `NO_COLOR` is set to anything.
        public static var standardError: Target {
            let term = getenv("TERM").map { String(cString: $0) } ?? ""
            let isTerminal = isatty(STDERR_FILENO) == 1 && term != "dumb"
            let forbidden = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
            var size = winsize()
            let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
            return Target(
                isTerminal: isTerminal, hasColor: isTerminal && !forbidden, columns: isKnown ? Int(size.ws_col) : nil)
        }
    }

    private let target: Target
    private let output: (String) -> Void
    private var lastDraw: ContinuousClock.Instant?
    private var lastWidth = 0

    /// A reporter for whatever standard error is.
    public convenience init() { self.init(target: .standardError, output: Self.writeToStandardError) }

    /// A reporter whose text goes to `output`.
    public init(target: Target, output: @escaping (String) -> Void) {
        self.target = target
        self.output = output
    }

    /// Shows where the training is; what `fit(progress:)` takes.
    public func report(_ progress: TrainingProgress) {
        guard target.isTerminal else {
            if progress.isEpochOver { output(Self.line(progress) + "\n") }
            return
        }
        if progress.step == 1, progress.validation == nil { output("Epoch \(progress.epoch)/\(progress.epochs)\n") }
        let now = ContinuousClock.now
        let isDue = lastDraw.map { (now - $0).seconds > 0.05 } ?? true
        guard isDue || progress.step == progress.steps else { return }
        lastDraw = now
        let (text, width) = Self.bar(progress, target)
        output("\r" + text + String(repeating: " ", count: max(0, lastWidth - width)))
        lastWidth = width
        if progress.isEpochOver {
            output("\n")
            lastWidth = 0
        }
    }

    /// The line of an epoch where nothing can be drawn over.
    package static func line(_ progress: TrainingProgress) -> String {
        "Epoch \(progress.epoch)/\(progress.epochs) - \(progress.steps) steps - "
            + ([times(progress)] + metrics(progress)).joined(separator: " - ")
    }

    /// Keras's bar, 20 places and the averages so far, and how many characters of a line it takes.
    ///
    ///     469/938 ━━━━━━━━━━━━━━━━━━━━ 9s 19ms/step - accuracy: 0.7719 - loss: 0.6285
    package static func bar(_ progress: TrainingProgress, _ target: Target) -> (text: String, width: Int) {
        let steps = String(progress.steps)
        let step = String(progress.step)
        let head = String(repeating: " ", count: max(0, steps.count - step.count)) + "\(step)/\(steps) "
        var parts = [times(progress)] + metrics(progress)
        // A line that is drawn over must not wrap; the last of an epoch may, as nothing is drawn over it.
        var places = 20
        if let columns = target.columns, !progress.isEpochOver {
            func width() -> Int { head.count + places + 1 + parts.joined(separator: " - ").count }
            while parts.count > 1, width() >= columns { parts.removeLast() }
            places = max(0, min(places, places + columns - 1 - width()))
        }
        let done = progress.steps > 0 ? min(max(progress.step, 0), progress.steps) : 1
        let filled = Int(Double(places) * Double(done) / Double(max(1, progress.steps)))
        let (full, left) = (String(repeating: "━", count: filled), places - filled)
        let bar =
            target.hasColor
            ? "\u{1b}[32m\(full)\u{1b}[37m\(String(repeating: "━", count: left))\u{1b}[0m"
            : full + String(repeating: "┄", count: left)
        let tail = parts.joined(separator: " - ")
        return ("\(head)\(bar) \(tail)", head.count + places + 1 + tail.count)
    }

    /// Seconds to go, or, when the steps are done, those they took; and the time of a step.
    private static func times(_ progress: TrainingProgress) -> String {
        let step = progress.seconds / Double(max(1, progress.step))
        let isOver = progress.step == progress.steps
        let time = isOver ? progress.seconds : step * (Double(progress.steps) - Double(progress.step))
        let seconds = time.isNaN ? 0 : Int(min(max(time, 0), 1e9).rounded())
        let (minutes, hours) = (seconds / 60, seconds / 3600)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let total =
            switch seconds {
            case ..<60: "\(seconds)s"
            case ..<3600: "\(minutes):\(two(seconds % 60))"
            default: "\(hours):\(two(minutes % 60)):\(two(seconds % 60))"
            }
        let each =
            switch step {
            case 1...: "\(step.fixed(0))s"
            case 0.01...: "\((step * 1e3).fixed(0))ms"
            case 0.001...: "\((step * 1e3).fixed(1))ms"
            default: "\((step * 1e6).fixed(0))us"
            }
        return "\(total) \(each)/step"
    }

    private static func metrics(_ progress: TrainingProgress) -> [String] {
        var parts: [String] = []
        func add(_ name: String, _ value: Double) { if !value.isNaN { parts.append("\(name): \(value.fixed(4))") } }
        add("accuracy", progress.metrics.accuracy)
        add("loss", progress.metrics.loss)
        if let validation = progress.validation {
            add("val_accuracy", validation.accuracy)
            add("val_loss", validation.loss)
        }
        return parts
    }

    /// Writes all of a text; gives up where nobody takes it.
    private static func writeToStandardError(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
