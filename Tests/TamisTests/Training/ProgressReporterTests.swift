import Tamis
import Testing

struct ProgressReporterTests {
    private func progress(
        _ step: Int, of steps: Int = 938, seconds: Double = 18, validation: Metrics? = nil, isEpochOver: Bool = false
    ) -> TrainingProgress {
        TrainingProgress(
            epoch: 2, epochs: 5, step: step, steps: steps, metrics: Metrics(loss: 0.62849, accuracy: 0.77191),
            validation: validation, seconds: seconds, isEpochOver: isEpochOver)
    }

    private let plain = ProgressReporter.Target(isTerminal: true)

    @Test func aBarReadsAsKerasOwn() {
        let (text, width) = ProgressReporter.bar(progress(938), plain)
        #expect(text == "938/938 ━━━━━━━━━━━━━━━━━━━━ 18s 19ms/step - accuracy: 0.7719 - loss: 0.6285")
        #expect(width == text.count)
        // Seconds to go; the step's number aligned.
        let early = ProgressReporter.bar(progress(94, seconds: 1.88), plain).text
        #expect(early == " 94/938 ━━┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ 17s 20ms/step - accuracy: 0.7719 - loss: 0.6285")
    }

    @Test func coloursTakeNoRoom() {
        let coloured = ProgressReporter.Target(isTerminal: true, hasColor: true)
        let (text, width) = ProgressReporter.bar(progress(469), coloured)
        #expect(text.contains("\u{1b}[32m━━━━━━━━━━\u{1b}[37m━━━━━━━━━━\u{1b}[0m"))
        #expect(width == ProgressReporter.bar(progress(469), plain).width)
    }

    @Test func aLineThatIsDrawnOverNeverWraps() {
        for columns in 12...120 {
            let target = ProgressReporter.Target(isTerminal: true, columns: columns)
            let (text, width) = ProgressReporter.bar(progress(469), target)
            #expect(width == text.count)
            #expect(width < max(columns, 23))
        }
    }

    @Test(arguments: [
        (0.4, 1, "0s 400ms/step"), (3.2, 2, "3s 2s/step"), (75, 938, "1:15 80ms/step"), (3725, 938, "1:02:05 4s/step"),
        (4.69, 938, "5s 5.0ms/step"), (0.1, 938, "0s 107us/step"),
    ]) func timesComeInUnitsThatSuit(seconds: Double, steps: Int, text: String) {
        let line = ProgressReporter.line(progress(steps, of: steps, seconds: seconds, isEpochOver: true))
        #expect(line == "Epoch 2/5 - \(steps) steps - \(text) - accuracy: 0.7719 - loss: 0.6285")
    }

    @Test func aTerminalDrawsOverALineUntilTheEpochIsOver() {
        var text = ""
        let reporter = ProgressReporter(target: plain) { text += $0 }
        reporter.report(progress(1, of: 2))
        reporter.report(progress(2, of: 2))
        #expect(text.hasPrefix("Epoch 2/5\n\r1/2 "))
        #expect(!text.hasSuffix("\n"))
        let validation = Metrics(loss: 0.37631, accuracy: 0.86361)
        reporter.report(progress(2, of: 2, validation: validation, isEpochOver: true))
        #expect(text.hasSuffix(" - loss: 0.6285 - val_accuracy: 0.8636 - val_loss: 0.3763\n"))
    }

    @Test func elsewhereAnEpochIsALine() {
        var text = ""
        let reporter = ProgressReporter(target: .init(isTerminal: false)) { text += $0 }
        for step in 1...2 { reporter.report(progress(step, of: 2)) }
        #expect(text.isEmpty)
        reporter.report(progress(2, of: 2, isEpochOver: true))
        #expect(text == "Epoch 2/5 - 2 steps - 18s 9s/step - accuracy: 0.7719 - loss: 0.6285\n")
    }

    @Test func fitTellsWhenAnEpochIsOver() throws {
        let data = try Dataset(
            inputs: Tensor(repeating: Float(0.5), shape: [10, 3]), labels: Tensor([Int64](repeating: 1, count: 10)))
        for validation in [nil, data] {
            var network = try Sequential(input: [3]) { Dense(2, activation: .softmax) }
            var over: [Bool] = []
            try network.fit(data, epochs: 2, batchSize: 4, validation: validation) { over.append($0.isEpochOver) }
            let epoch = validation == nil ? [false, false, true] : [false, false, false, true]
            #expect(over == epoch + epoch)
        }
    }

    @Test(arguments: [
        (0, 0, "0"), (0.5, 0, "1"), (-1.26, 1, "-1.3"), (-0.004, 2, "0.00"), (12.3456, 4, "12.3456"), (2, 3, "2.000"),
        (.infinity, 2, "inf"),
    ]) func numbersHaveTheirDecimals(value: Double, decimals: Int, text: String) {
        #expect(value.fixed(decimals) == text)
    }
}
