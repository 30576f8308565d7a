import Glibc

/// Shows a training's course on standard error as Keras does: a bar that moves on a terminal, a line an epoch elsewhere.
public final class ProgressReporter {
    private let isTerminal: Bool
    private var lastDraw = ContinuousClock.now
    private var lastWidth = 0

    /// A reporter for whatever standard error is.
    public convenience init() { self.init(isTerminal: isatty(STDERR_FILENO) == 1) }

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// Shows where the training is; what `fit(progress:)` takes.
    public func report(_ progress: TrainingProgress) {
        let isLast = progress.step == progress.steps
        if isTerminal {
            if progress.step == 1 { write("Epoch \(progress.epoch)/\(progress.epochs)\n") }
            let now = ContinuousClock.now
            guard isLast || (now - lastDraw).seconds > 0.05 else { return }
            lastDraw = now
            let line = Self.bar(progress)
            write("\r" + line + String(repeating: " ", count: max(0, lastWidth - line.count)))
            lastWidth = line.count
            if isLast, progress.validation != nil || !expectsValidation { endLine() }
        } else if isLast, progress.validation != nil || !expectsValidation {
            write("Epoch \(progress.epoch)/\(progress.epochs) - " + Self.numbers(progress) + "\n")
        }
    }

    /// Whether each epoch ends with a second report, that of the validation.
    public var expectsValidation = false

    private func endLine() {
        write("\n")
        lastWidth = 0
    }

    /// Keras's bar: 30 places and the averages so far.
    static func bar(_ progress: TrainingProgress) -> String {
        let width = 30
        let filled = progress.steps > 0 ? width * progress.step / progress.steps : width
        let bar = String(repeating: "━", count: filled) + String(repeating: " ", count: width - filled)
        return "\(progress.step)/\(progress.steps) \(bar) " + numbers(progress)
    }

    static func numbers(_ progress: TrainingProgress) -> String {
        let milliseconds = 1000 * progress.seconds / Double(max(1, progress.step))
        var text = "\(Int(progress.seconds.rounded()))s \(fixed(milliseconds, 1))ms/step"
        func add(_ name: String, _ value: Double) { if !value.isNaN { text += " - \(name): \(fixed(value, 4))" } }
        add("accuracy", progress.metrics.accuracy)
        add("loss", progress.metrics.loss)
        if let validation = progress.validation {
            add("val_accuracy", validation.accuracy)
            add("val_loss", validation.loss)
        }
        return text
    }

    /// A number with so many decimals.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        let padding = String(repeating: "0", count: decimals - fraction.count)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return decimals == 0 ? "\(sign)\(scaled)" : "\(sign)\(scaled / scale).\(padding)\(fraction)"
    }

    private func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
