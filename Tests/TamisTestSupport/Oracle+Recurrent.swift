import Glibc
import Tamis

extension Oracle {
    /// A function of a recurrent layer's gates.
    private static func gate(_ function: GateFunction, _ x: Double) -> Double {
        let (alpha, beta) = (function.alpha, function.beta)
        return switch function.formula {
        case .relu: max(x, 0)
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .affine: alpha * x + beta
        case .leakyRelu: x >= 0 ? x : alpha * x
        case .thresholdedRelu: x >= alpha ? x : 0
        case .scaledTanh: alpha * tanh(beta * x)
        case .hardSigmoid: max(0, min(1, alpha * x + beta))
        case .elu: x >= 0 ? x : alpha * (exp(x) - 1)
        case .softsign: x / (1 + abs(x))
        case .softplus: log(1 + exp(x))
        }
    }

    /// A recurrent layer by its formulas, one number after the other. `inputs` are the operator's, lengths as numbers.
    package static func recurrent(_ layer: Recurrent, _ inputs: [DoubleTensor?]) throws -> [DoubleTensor] {
        guard let x = inputs[0], let w = inputs[1], let r = inputs[2] else {
            throw TestFailure("x, W and R are needed")
        }
        func given(_ index: Int) -> DoubleTensor? { index < inputs.count ? inputs[index] : nil }
        let (bias, lengths) = (given(3), given(4))
        let isBatchFirst = layer.isBatchFirst
        let (steps, batch) = isBatchFirst ? (x.shape[1], x.shape[0]) : (x.shape[0], x.shape[1])
        let (directions, hidden, width) = (w.shape[0], r.shape[2], x.shape[2])
        let gates = ["LSTM": 4, "GRU": 3][layer.kind, default: 1]
        let functionCount = layer.functions.count / directions
        func state(_ d: Int, _ n: Int, _ i: Int) -> [Int] { isBatchFirst ? [n, d, i] : [d, n, i] }

        var y = DoubleTensor(
            zeros: isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden])
        let stateShape = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        var (lastHidden, lastCell) = (DoubleTensor(zeros: stateShape), DoubleTensor(zeros: stateShape))
        for d in 0..<directions {
            for n in 0..<batch {
                let length = lengths.map { Int($0.values[n]) } ?? steps
                var h = (0..<hidden).map { given(5)?[state(d, n, $0)] ?? 0 }
                var c = (0..<hidden).map { given(6)?[state(d, n, $0)] ?? 0 }
                func function(_ index: Int, _ argument: Double, clips: Bool = true) -> Double {
                    let limit = clips ? layer.clip ?? .infinity : .infinity
                    return gate(layer.functions[d * functionCount + index], min(max(argument, -limit), limit))
                }
                func peephole(_ gate: Int, _ i: Int, _ cell: Double) -> Double {
                    (given(7)?[[d, gate * hidden + i]] ?? 0) * cell
                }
                for index in 0..<length {
                    let t = layer.direction == .reverse || d == 1 ? length - 1 - index : index
                    /// x · Wᵀ + bias and h · Rᵀ + bias for hidden number `i` of a gate.
                    func ofInput(_ gate: Int, _ i: Int) -> Double {
                        let row = gate * hidden + i
                        return (0..<width).reduce(bias?[[d, row]] ?? 0) {
                            $0 + x[isBatchFirst ? [n, t, $1] : [t, n, $1]] * w[[d, row, $1]]
                        }
                    }
                    func ofState(_ gate: Int, _ i: Int, _ h: [Double]) -> Double {
                        let row = gate * hidden + i
                        return (0..<hidden).reduce(bias?[[d, gates * hidden + row]] ?? 0) {
                            $0 + h[$1] * r[[d, row, $1]]
                        }
                    }
                    let (before, cellBefore) = (h, c)
                    func sum(_ gate: Int, _ i: Int) -> Double { ofInput(gate, i) + ofState(gate, i, before) }
                    let reset =
                        gates == 3 ? (0..<hidden).map { function(0, sum(1, $0)) } : []
                    for i in 0..<hidden {
                        switch layer.cell {
                        case .lstm(let couplesGates):
                            let input = function(0, sum(0, i) + peephole(0, i, cellBefore[i]))
                            let forget =
                                couplesGates ? 1 - input : function(0, sum(2, i) + peephole(2, i, cellBefore[i]))
                            c[i] = forget * cellBefore[i] + input * function(1, sum(3, i))
                            let output = function(0, sum(1, i) + peephole(1, i, c[i]))
                            h[i] = output * function(2, c[i], clips: false)
                        case .gru(let resetsAfterProduct):
                            let update = function(0, sum(0, i))
                            let share =
                                resetsAfterProduct
                                ? reset[i] * ofState(2, i, before)
                                : ofState(2, i, zip(reset, before).map { $0 * $1 })
                            h[i] = (1 - update) * function(1, ofInput(2, i) + share) + update * before[i]
                        case .simple: h[i] = function(0, sum(0, i))
                        }
                        y[isBatchFirst ? [n, t, d, i] : [t, d, n, i]] = h[i]
                    }
                }
                guard length > 0 else { continue }
                for i in 0..<hidden {
                    lastHidden[state(d, n, i)] = h[i]
                    lastCell[state(d, n, i)] = c[i]
                }
            }
        }
        return gates == 4 ? [y, lastHidden, lastCell] : [y, lastHidden]
    }
}
