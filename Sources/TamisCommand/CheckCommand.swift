import ArgumentParser
import Tamis

/// `tamis check`: everything that is wrong with a model, at once.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Find everything that is wrong with a model in one go, with what would mend it.",
        discussion: """
            The file is read and planned, not run. An error at one node does not hide those at others. Exit status 1 if there \
            is an error, 0 if there are warnings alone.

            Example: tamis check m.onnx --input-shape input=1,3,224,224
            """)

    @Argument(help: "The path of an .onnx file.")
    var model: String

    @OptionGroup var shapes: ShapeOptions
    @OptionGroup var memory: MemoryOption
    @OptionGroup var format: JSONOption

    mutating func run() throws {
        var options = PlanOptions()
        if let limit = memory.memoryLimit { options.memoryLimit = limit }
        let given = try shapes.shapes()
        let check = try shapes.at(model) { try ModelCheck(onnx: model, inputs: given, options: options) }
        if format.json { try JSONOption.print(Result(check)) } else { Console.print(text(check)) }
        if check.hasErrors { throw ExitStatus.unexpected }
    }

    private func text(_ check: ModelCheck) -> String {
        var lines: [String] = []
        var table = Table(.left, .left, .left, .left)
        for problem in check.problems {
            let version = problem.version.map { " \($0)" } ?? ""
            table.add(
                problem.severity.rawValue, problem.node ?? model, problem.operatorName.map { $0 + version } ?? "", "")
        }
        // Under the line that says where stands what is wrong, which can be long.
        for (head, problem) in zip(table.lines, check.problems) {
            lines.append(head)
            lines.append("    \(problem.text)")
            if !problem.inputs.isEmpty { lines.append("    inputs: \(problem.inputs.joined(separator: ", "))") }
            lines.append("    mend:   \(problem.remedy)")
        }
        if !lines.isEmpty { lines.append("") }
        for assumption in check.shapes?.assumptions ?? [] { lines.append("assumed: \(assumption)") }
        let errors = check.problems.filter { $0.severity == .error }.count
        let warnings = check.problems.count - errors
        lines.append("\(model): \(count(errors, "error")), \(count(warnings, "warning"))")
        return lines.joined(separator: "\n")
    }

    private func count(_ number: Int, _ word: String) -> String {
        number == 0 ? "no \(word)s" : "\(number) \(word)\(number == 1 ? "" : "s")"
    }

    private struct Result: Encodable {
        var problems: [ModelProblem]
        var errors: Int
        var warnings: Int
        var inputs: [String: [Int]]
        var assumptions: [InputShapes.Assumption]

        init(_ check: ModelCheck) {
            problems = check.problems
            errors = check.problems.filter { $0.severity == .error }.count
            warnings = check.problems.count - errors
            inputs = check.shapes?.shapes.mapValues(\.dimensions) ?? [:]
            assumptions = check.shapes?.assumptions ?? []
        }
    }
}
