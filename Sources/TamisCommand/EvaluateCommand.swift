import ArgumentParser
import Tamis

/// `tamis evaluate`: measures a classifier on images it did not learn from.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a classifier on the test images of a data set.",
        discussion: "Example: tamis evaluate Models/fashion-mnist.onnx --data fashion-mnist --show 12")

    @Argument(help: "The path of an .onnx file.")
    var model: String

    @OptionGroup var data: DataOptions

    @Option(help: ArgumentHelp("Images computed at a time (default: 64).", valueName: "count"), transform: positive)
    var batch = 64

    @Option(
        help: ArgumentHelp("Draw the first images with what they are taken for.", valueName: "count"),
        transform: positive)
    var show: Int?

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var format: JSONOption

    func validate() throws {
        if show != nil, format.json { throw ValidationError("--show draws, --json prints one object: choose one") }
    }

    mutating func run() throws {
        let network = try Model.load(model)
        let folder = try data.folder()
        let images = try Failure.at { try folder.dataset(.test) }
        let test = try Failure.at(model) { try images.arranged(for: network) }
        if let show { try draw(show, of: images, arranged: test, by: network, folder) }
        let (batch, count) = (batch, threads.count)
        let report = try Failure.at(model) {
            try network.classificationReport(on: test, batchSize: batch, threads: count)
        }
        let names = folder.classNames
        func name(_ label: Int) -> String { label < names.count ? names[label] : "\(label)" }
        if format.json { return try JSONOption.print(Result(report, batch: batch, threads: count, name: name)) }

        var scores = Table(.left, .right, .right, .right, .right)
        scores.add("class", "images", "precision", "recall", "F1")
        for (label, score) in report.scores.enumerated() {
            scores.add(
                name(label), "\(score.count)", score.precision.fixed(3), score.recall.fixed(3), score.f1.fixed(3))
        }
        Console.print(scores.text)
        let mistakes = report.mistakes
        if !mistakes.isEmpty {
            var table = Table(.left, .left, .right, .right)
            table.add("mistaken", "for", "images", "of its class")
            for mistake in mistakes.prefix(5) {
                let share = Double(mistake.count) / Double(max(1, report.scores[mistake.actual].count))
                table.add(
                    name(mistake.actual), name(mistake.predicted), "\(mistake.count)", "\((100 * share).fixed(1)) %")
            }
            Console.print("\n" + table.text)
        }
        Console.print("\nloss \(report.metrics.loss.fixed(4))")
        let rate = Double(report.count) / max(report.seconds, 1e-9)
        Console.print(
            "\(report.count) images, accuracy \(report.metrics.accuracy.fixed(3)), \(rate.fixed(0)) images/s")
    }

    private func draw(
        _ count: Int, of images: Dataset, arranged: Dataset, by network: Model, _ folder: IDXFolder
    ) throws {
        try Failure.at(model) {
            let shown = try images.prefix(count)
            let scores = try network.predict(arranged.prefix(count).inputs, threads: threads.count)
            let labels = try shown.labels.scalars(as: Int64.self).map(Int.init)
            let gallery = try ImageGallery(
                images: shown.inputs, labels: labels, scores: scores, classNames: folder.classNames)
            Console.print(gallery.text(columns: Console.columns ?? 120, hasColor: Console.hasColor))
        }
    }

    // MARK: Result

    private struct Result: Encodable {
        struct Class: Encodable {
            var name: String
            var images: Int
            var precision: Double
            var recall: Double
            var f1: Double
        }

        var images: Int
        var accuracy: Double
        var loss: Double
        var seconds: Double
        var imagesPerSecond: Double
        var batch: Int
        var threads: Int
        var classes: [Class]
        var confusion: [[Int]]

        init(_ report: ClassificationReport, batch: Int, threads: Int, name: (Int) -> String) {
            images = report.count
            accuracy = report.metrics.accuracy
            loss = report.metrics.loss
            seconds = report.seconds
            imagesPerSecond = Double(report.count) / max(report.seconds, 1e-9)
            self.batch = batch
            self.threads = threads
            classes = report.scores.enumerated().map { label, score in
                Class(
                    name: name(label), images: score.count, precision: score.precision, recall: score.recall,
                    f1: score.f1)
            }
            confusion = report.confusion
        }
    }
}
