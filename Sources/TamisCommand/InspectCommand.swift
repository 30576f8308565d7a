import ArgumentParser
import Tamis

/// `tamis inspect`: what a model holds, and what a run of it will take.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a model holds and what a run of it will take.",
        discussion: """
            Nothing runs: the model is read and planned. --html writes one page that needs no network: the graph drawn, to be \
            moved, enlarged and asked, and the memory of a run as a picture.

            Example: tamis inspect Models/fashion-mnist.onnx --nodes --html model.html
            """)

    @Argument(
        help: "The path of an .onnx file, or a network by name: \(NetworkChoice.names).", transform: NetworkChoice.parse
    )
    var model: NetworkChoice

    @Flag(help: "A line for each node: output, algorithm, operations, bytes.")
    var nodes = false

    @Option(help: ArgumentHelp("Write the report as a page, too.", valueName: "file"))
    var html: String?

    @OptionGroup var shapes: ShapeOptions
    @OptionGroup var memory: MemoryOption

    @Option(help: "default, or strict: no algorithm that gives up precision for speed.")
    var precision = Precision.default

    @OptionGroup var format: JSONOption

    mutating func run() throws {
        if let html { try OutputFile.check(html, option: "--html", over: model) }
        var options = PlanOptions()
        options.precision = precision
        if let limit = memory.memoryLimit { options.memoryLimit = limit }
        let given = try shapes.shapes()
        let report: ModelReport
        switch model {
        case .known(let network):
            let model = try Failure.at { try network.network().model }
            report = try shapes.at(network.rawValue) {
                try ModelReport(model, name: network.rawValue, inputs: given, options: options)
            }
        case .file(let path):
            report = try shapes.at(path) { try ModelReport(onnx: path, inputs: given, options: options) }
        }
        if let html {
            try Console.withoutInterruption { try Failure.at(html) { try report.writeHTML(to: html) } }
        }
        if format.json { return try JSONOption.print(report) }
        Console.print(text(report))
    }

    private func text(_ report: ModelReport) -> String {
        var parts = [head(report), operators(report), memory(report)]
        if nodes { parts.append(nodes(report)) }
        return parts.joined(separator: "\n\n")
    }

    private func head(_ report: ModelReport) -> String {
        var table = Table(.left, .left, .left)
        let sets = report.operatorSets.map { "\($0.domain.isEmpty ? "ONNX" : $0.domain) \($0.version)" }
        table.add("model", report.name, "")
        if !report.producer.isEmpty { table.add("written by", report.producer, "") }
        table.add("operator set", sets.joined(separator: ", "), "")
        for (index, port) in report.inputs.enumerated() {
            table.add(index == 0 ? "inputs" : "", port.name, port.type)
        }
        for (index, port) in report.outputs.enumerated() {
            table.add(index == 0 ? "outputs" : "", port.name, port.type)
        }
        table.add("parameters", report.parameters.grouped, report.parameterBytes.bytes)
        table.add("a run", report.operations.operations, "\(report.nodes.count) nodes")
        for assumption in report.assumptions {
            table.add("assumed", "\(assumption)", "")
        }
        return table.text
    }

    private func operators(_ report: ModelReport) -> String {
        var table = Table(.left, .right, .right, .right, .right)
        table.add("operator", "nodes", "parameters", "operations", "share")
        for count in report.operators {
            let share = report.operations > 0 ? 100 * count.operations / report.operations : 0
            table.add(
                count.name, "\(count.nodes)", count.parameters.grouped, count.operations.operations,
                "\(share.fixed(1)) %")
        }
        return table.text
    }

    private func memory(_ report: ModelReport) -> String {
        let memory = report.memory
        var table = Table(.left, .right, .left)
        table.add("arena", memory.arenaBytes.bytes, "all values between inputs and outputs")
        if let node = memory.peakNode {
            table.add("in use at most", memory.peakBytes.bytes, "at \"\(node)\"")
        }
        table.add("weights", memory.weightBytes.bytes, "constants that runs read as they are")
        table.add("packed", memory.packedBytes.bytes, "constants in the forms that kernels want")
        table.add("scratch", memory.scratchBytes.bytes, "for each thread")
        if !memory.isWhole {
            table.add("not counted", "", "parts whose shapes depend on values: they are planned as the model runs")
        }
        return table.text
    }

    private func nodes(_ report: ModelReport) -> String {
        var table = Table(.left, .left, .left, .left, .right, .right)
        table.add("node", "operator", "output", "algorithm", "operations", "bytes")
        for node in report.nodes {
            table.add(
                node.name, node.operatorName, node.outputs.map(\.value).joined(separator: ", "), node.algorithm,
                node.operations > 0 ? node.operations.operations : "", node.byteCount.bytes)
        }
        return table.text
    }
}
