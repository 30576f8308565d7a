/// Everything that is wrong with an ONNX file, found in one go: what its reading meets, and what a plan for certain shapes of
/// its inputs does.
public struct ModelCheck: Sendable {
    /// What was found, in the file's order; what only planning shows comes last.
    public private(set) var problems: [ModelProblem] = []
    /// The model, if nothing keeps it from being run.
    public private(set) var model: Model?
    /// The shapes that it was planned for; nil where it could not be read or the number of an input's axes is not known.
    public private(set) var shapes: InputShapes?

    /// Whether anything keeps the model from being run.
    public var hasErrors: Bool { problems.contains { $0.severity == .error } }

    /// Reads a file and plans what can be read of it. What cannot be read at all, such as a file that is no protocol buffer,
    /// is one problem.
    ///
    /// Throws where `given` are no shapes of the model's inputs.
    public init(
        onnx path: String, inputs given: [String: Shape] = [:], options: PlanOptions = PlanOptions(),
        operators: ONNXOperators = .standard, limits: Limits = Limits()
    ) throws(PlanError) {
        let file: ONNXModel
        do throws(ImportError) { file = try ONNXModel(modelPath: path, limits: limits) } catch {
            problems = [ModelProblem(error)]
            return
        }
        let importer = ONNXImporter(file, operators: operators, folder: path.folder, limits: limits, collects: true)
        var read: Model
        do throws(ImportError) { read = try importer.model() } catch {
            problems = importer.problems + [ModelProblem(error)]
            return
        }
        problems = importer.problems
        let isReadable = !hasErrors
        // What no error stands before is planned even if the model as a whole cannot be.
        if isReadable { warnOfUnread(read) } else { read.keepEnds() }
        do throws(PlanError) { shapes = try InputShapes(read, given: given) } catch {
            guard case .missingInput = error else { throw error }
            problems.append(
                ModelProblem(
                    severity: .warning, text: "it was not planned: \(error)", remedy: "give the input's shape"))
        }
        if let shapes {
            let version = file.operatorSets.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }?.version
            problems += Plan.problems(of: read, inputs: shapes.shapes, options: options).map {
                ModelProblem($0, version: version)
            }
        }
        if !hasErrors { model = read }
    }

    /// Inputs that nothing depends on are often a mistake of who made the file.
    private mutating func warnOfUnread(_ model: Model) {
        let consumers = model.graph.consumers
        for id in model.graph.inputs where consumers[id].isEmpty && !model.graph.results.contains(id) {
            problems.append(
                ModelProblem(
                    severity: .warning, text: "no node reads the input \"\(model.graph.values[id].name)\"",
                    remedy: "it must be given all the same; leave it out where the model is made"))
        }
    }
}

extension Model {
    /// Makes every value that no node reads a result.
    fileprivate mutating func keepEnds() {
        let consumers = graph.consumers
        let known = Set(graph.outputs.map(\.value))
        for id in graph.values.indices
        where graph.values[id].node != nil && consumers[id].isEmpty && !known.contains(id) {
            graph.outputs.append(Graph.Output(name: graph.values[id].name, value: id))
        }
    }
}
