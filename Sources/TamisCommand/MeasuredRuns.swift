import ArgumentParser
import Tamis
import TamisKernels

/// The runs that are measured: the shapes of their inputs, and for how long.
struct MeasuredRuns: ParsableArguments {
    @Option(
        help: ArgumentHelp("Images of one run (default: 1, or what the model fixes).", valueName: "count"),
        transform: positive)
    var batch: Int?

    @Option(
        help: ArgumentHelp("The shape of an input whose other axes are free as well.", valueName: "name=n,n,…"),
        transform: NamedShape.parse)
    var shape: [NamedShape] = []

    @Option(
        help: ArgumentHelp("How long to measure, at most a day (default: 2).", valueName: "number"),
        transform: { text in
            let seconds = try positiveNumber(text)
            guard seconds <= 86400 else { throw ValidationError("it must be at most 86400, a day") }
            return seconds
        })
    var seconds = 2.0

    /// The shape of each input: free first axes get the batch.
    func shapes(of model: Model) throws -> [String: Shape] {
        for given in shape where !model.inputs.contains(where: { $0.name == given.name }) {
            let known = model.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
            throw ValidationError("--shape must name an input of the model (\(known)); received \"\(given.name)\"")
        }
        var shapes: [String: Shape] = [:]
        for (name, type) in model.inputs {
            if let given = shape.last(where: { $0.name == name }) {
                shapes[name] = try Failure.at { try Shape(given.extents) }
                continue
            }
            if let fixed = type.shape {
                guard batch == nil || fixed.dimensions.first == batch else {
                    throw ValidationError(
                        "--batch must be \(fixed.dimensions.first ?? 1): the model fixes its input \"\(name)\" to \(type)"
                    )
                }
                shapes[name] = fixed
                continue
            }
            guard type.isFreeInBatchOnly, let dimensions = type.dimensions else {
                throw ValidationError(
                    "the input \"\(name)\" (\(type)) has free axes beside the first: give its shape by --shape \(name)=N,N,…"
                )
            }
            let extents = [batch ?? 1] + dimensions.dropFirst().compactMap(\.value)
            shapes[name] = try Failure.at { try Shape(extents) }
        }
        return shapes
    }
}

extension Plan {
    /// Inputs for runs that are measured: random by a fixed seed.
    func randomInputs() throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for port in inputs {
            tensors[port.name] = try Tensor(random: port.elementType, shape: port.shape, seed: 3, name: port.name)
        }
        return tensors
    }
}

/// How the numbers are computed.
struct ArithmeticOptions: ParsableArguments {
    @Option(help: "default, or strict: no algorithm that gives up precision for speed.")
    var precision = Precision.default

    @Option(
        help: """
            How convolutions with constant weights are computed where that can: \
            \(ConvolutionAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")); by default each by the fastest.
            """)
    var convolution: ConvolutionAlgorithm?

    func apply(to options: inout PlanOptions) {
        options.precision = precision
        options.convolution = convolution
    }
}

extension ConvolutionAlgorithm: ExpressibleByArgument {}
