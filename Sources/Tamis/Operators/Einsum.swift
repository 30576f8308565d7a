import TamisKernels

/// Sums of products that an equation of labels states: "bij,bjk->bik" is a product of matrices, "ii" a trace. ONNX's and
/// numpy's Einsum.
///
/// Each input has a label an axis; axes of one label run together, those the output has not are summed over. "..." stands
/// for any axes, which broadcast. Without "->" the output has the labels that stand once, in alphabetical order.
public struct Einsum: DifferentiableOperator, Hashable {
    /// The equation.
    public let equation: String
    private let inputs: [Term]
    private let output: Term

    /// The labels of one tensor: letters, perhaps with any axes between them.
    private struct Term: Hashable {
        var first: [UInt8] = []
        var last: [UInt8] = []
        var hasEllipsis = false

        var letters: [UInt8] { first + last }
        var text: String {
            String(decoding: first, as: UTF8.self) + (hasEllipsis ? "..." : "") + String(decoding: last, as: UTF8.self)
        }

        init(_ first: [UInt8] = [], hasEllipsis: Bool = false, last: [UInt8] = []) {
            self.first = first
            self.hasEllipsis = hasEllipsis
            self.last = last
        }

        /// Reads letters and at most one ellipsis.
        init?(_ text: Substring) {
            let parts = text.split(separator: "...", omittingEmptySubsequences: false)
            guard parts.count <= 2, parts.allSatisfy({ $0.utf8.allSatisfy(Term.isLetter) }) else { return nil }
            first = parts.first.map { Array($0.utf8) } ?? []
            hasEllipsis = parts.count == 2
            last = hasEllipsis ? Array(parts[1].utf8) : []
        }

        private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }

        /// The labels as numbers: those of letters are positive; the axes of the ellipsis are −1 for the last, and so on.
        func labels(ellipsis count: Int) -> [Int] {
            first.map { Int($0) } + (0..<max(0, count)).reversed().map { -1 - $0 } + last.map { Int($0) }
        }
    }

    /// Throws where the equation is none.
    public init(_ equation: String) throws(ShapeError) {
        self.equation = equation
        let text = equation.filter { !$0.isWhitespace }
        let sides = text.split(separator: "->", omittingEmptySubsequences: false)
        func refused(_ rule: String) -> ShapeError {
            .mismatch(rule: "Einsum's equation must \(rule)", received: equation)
        }
        guard (1...2).contains(sides.count) else { throw refused("have one \"->\" at most") }
        var terms: [Term] = []
        for part in sides[0].split(separator: ",", omittingEmptySubsequences: false) {
            guard let term = Term(part) else { throw refused("be letters, commas and \"...\", once for each input") }
            terms.append(term)
        }
        inputs = terms
        let letters = terms.flatMap(\.letters)
        if sides.count == 2 {
            guard let term = Term(sides[1]) else { throw refused("be letters and at most one \"...\" after \"->\"") }
            guard Set(term.letters).count == term.letters.count, Set(term.letters).isSubset(of: letters) else {
                throw refused("name labels of the inputs after \"->\", each once")
            }
            output = term
        } else {
            let single = Set(letters).filter { letter in letters.count { $0 == letter } == 1 }
            output = Term(hasEllipsis: terms.contains(where: \.hasEllipsis), last: single.sorted())
        }
    }

    private init(_ inputs: [Term], _ output: Term) {
        self.inputs = inputs
        self.output = output
        equation = inputs.map(\.text).joined(separator: ",") + "->" + output.text
    }

    public var kind: String { "Einsum" }
    public var widensHalves: Bool { true }

    /// The labels of the inputs and of the output, for inputs of these ranks.
    func labels(ranks: [Int]) throws(ShapeError) -> (inputs: [[Int]], output: [Int]) {
        guard ranks.count == inputs.count else {
            throw .mismatch(
                rule: "Einsum must have as many inputs as \"\(equation)\" has terms", received: "\(ranks.count)")
        }
        var (labels, widest) = ([[Int]](), 0)
        for (term, rank) in zip(inputs, ranks) {
            let free = rank - term.letters.count
            guard free == 0 || (free > 0 && term.hasEllipsis) else {
                throw .mismatch(
                    rule: "Einsum's input \"\(term.text)\" must have a label for each axis", received: "\(rank) axes")
            }
            labels.append(term.labels(ellipsis: free))
            widest = max(widest, free)
        }
        guard widest == 0 || output.hasEllipsis else {
            throw .mismatch(rule: "Einsum's output must have the \"...\" of its inputs", received: equation)
        }
        return (labels, output.labels(ellipsis: widest))
    }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let elementType = try inputs.tensor(0, "input 0").elementType
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s inputs must be numbers", received: elementType)
        }
        var shapes: [[Dimension]] = []
        for index in 0..<inputs.count {
            let (type, dimensions) = try inputs.tensor(index, "input \(index)")
            guard type == elementType else {
                throw .elementType(rule: "\(kind)'s inputs must be of one type, \(elementType)", received: type)
            }
            if let dimensions { shapes.append(dimensions) }
        }
        guard shapes.count == inputs.count else { return [.tensor(elementType, nil)] }
        let (labels, output) = try labels(ranks: shapes.map(\.count))
        var extents: [Int: Dimension] = [:]
        for (label, dimension) in zip(labels.joined(), shapes.joined()) {
            // Axes of one element stretch.
            let known = extents[label] ?? 1
            extents[label] =
                try known == 1 ? dimension : dimension == 1 ? known : inputs.common(known, dimension, "an axis")
        }
        return [.tensor(elementType, output.map { extents[$0] ?? 1 })]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let shapes = context.inputs.compactMap { $0?.shape }
        let contraction: Contraction
        do throws(ShapeError) {
            let (labels, output) = try labels(ranks: shapes.map(\.rank))
            contraction = Contraction(
                target: Contraction.Term(output, context.outputs[0].shape),
                sources: zip(labels, shapes).map { Contraction.Term($0, $1) })
        } catch {
            throw .shape(error)
        }
        return try contraction.prepared(context, firstInput: 0)
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        // The labels of the first input move with its axes.
        let ranks = inputs.all.map { $0?.type.dimensions?.count ?? -1 }
        guard let first = self.inputs.first, !first.hasEllipsis, first.letters.count == order.rank,
            !ranks.contains(-1), let rank = try? labels(ranks: ranks).output.count
        else { return nil }
        let moved = Term(order.inverse.apply(to: first.letters))
        return PermutedOperator(
            operation: Einsum([moved] + self.inputs.dropFirst(), output),
            inputs: [order] + inputs.all.dropFirst().map { _ in nil }, outputs: [.identity(rank: rank)])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard let dy = outputs[0] else { return gradients }
        for (index, operand) in node.inputs.enumerated() where wanted[index] {
            let others = node.inputs.enumerated().filter { $0.offset != index }.map(\.element)
            gradients[index] = try graph.append(
                EinsumGradient(self, of: index), [operand, dy] + others, name: "\(node.name)/gradient\(index)")[0]
        }
        return gradients
    }
}

/// The gradient of Einsum with respect to one input: that input for its shape, dy, then the other inputs in order.
public struct EinsumGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: Einsum
    /// The position of the input.
    public let position: Int

    init(_ operation: Einsum, of position: Int) {
        self.operation = operation
        self.position = position
    }

    public var kind: String { "EinsumGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let x = try inputs.tensor(0, "input")
        var all = Array(inputs.all.dropFirst(2))
        guard position <= all.count else {
            throw .mismatch(rule: "\(kind) needs the other inputs of \(operation.equation)", received: "\(all.count)")
        }
        all.insert(inputs.all[0], at: position)
        let y = try operation.outputTypes(for: Operands(all, operatorName: kind))
        try inputs.expect(y[0], of: 1, "dy")
        return [.tensor(x.elementType, x.dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let shapes = context.inputs.compactMap { $0?.shape }
        var all = Array(shapes.dropFirst(2))
        all.insert(shapes[0], at: position)
        let contraction: Contraction
        do throws(ShapeError) {
            var (labels, output) = try operation.labels(ranks: all.map(\.rank))
            let own = labels.remove(at: position)
            contraction = Contraction(
                target: Contraction.Term(own, shapes[0]),
                sources: zip([output] + labels, shapes.dropFirst()).map { Contraction.Term($0, $1) })
        } catch {
            throw .shape(error)
        }
        var prepared = try contraction.prepared(context, firstInput: 1)
        prepared.unreadInputs = [0]
        return prepared
    }
}
